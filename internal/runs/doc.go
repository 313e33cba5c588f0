// Package runs evaluates all customers of a store and publishes the result. A run reads the store at one commit, calibrates, evaluates and writes
// an immutable snapshot, which nobody sees before it is complete; publishing and rolling back move one pointer in one transaction. A crash
// leaves a run that failed and no snapshot, never half of one.
package runs
