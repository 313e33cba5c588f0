// Package snapshot turns results into the blocks that a store keeps, and back, and reads a run's snapshot as the store's customers are now:
// those that were deleted are hidden, those that were written later are stale.
package snapshot
