// Package intake is the one place where a write of customers becomes a commit: customers that are stored, and with them their new assignments where
// the writer asks for them, customers that are deleted, and customers that are erased. Who has more to write in the same commit composes it
// with Commit and PutIn.
//
// It also holds the lock that lets a publication take in the last customers that changed before it: no write commits while it is held.
package intake
