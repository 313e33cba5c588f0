package storage

import echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"

// HasSnapshot reports whether a run owns a snapshot: it ended well, and the snapshot was not removed since.
func HasSnapshot(run *echelonv1.Run) bool {
	ended := run.GetState() == echelonv1.Run_READY || run.GetState() == echelonv1.Run_PUBLISHED
	return ended && !run.GetSnapshotRemoved()
}
