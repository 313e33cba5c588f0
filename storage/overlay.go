package storage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// OverlayOf returns the name of a publication's overlay; empty where there is no publication.
func OverlayOf(current *storagev1.Current) string {
	if name := current.GetOverlay(); name != "" {
		return name
	}
	return current.GetRunId()
}

// Overlays reads overlays: assignments by customer that lie over a snapshot, since they were made after it.
type Overlays interface {
	// OverlayRow returns the row of one customer. ErrNotFound.
	OverlayRow(overlay, id string) (*OverlayRow, error)

	// OverlayRows goes through the rows of an overlay after an id ("" for all), ascending by the bytes of their ids.
	OverlayRows(ctx context.Context, overlay, after string) iter.Seq2[*OverlayRow, error]

	// OverlayNames returns the names of all overlays that have a row, ascending.
	OverlayNames(ctx context.Context) ([]string, error)
}

// OverlayRow is one customer's row in an overlay.
type OverlayRow struct {
	// ID is the customer's id.
	ID string
	// Version is the commit at which the row was written.
	Version Commit
	// Row is the row; its block names the id.
	Row *storagev1.OverlayRow
}

// OverlayWriter is the part of a Tx that writes overlays.
type OverlayWriter interface {
	// PutOverlayRow stores the row of the one customer that its block names, in place of that customer's row in the overlay, if any.
	PutOverlayRow(overlay string, row *storagev1.OverlayRow) error

	// DeleteOverlayRow removes a customer's row if it was written before a commit, and says whether it did.
	DeleteOverlayRow(overlay, id string, before Commit) (existed bool, err error)
}

// Tombstones reads what is left of customers that were deleted.
type Tombstones interface {
	// Tombstone returns that of a customer's last deletion. ErrNotFound where it was never deleted, or long ago.
	Tombstone(id string) (*Tombstone, error)

	// Tombstones goes through those that were written after a commit (0 for all), in no order of meaning.
	Tombstones(ctx context.Context, after Commit) iter.Seq2[*Tombstone, error]
}

// Tombstone is what is left of a customer that was deleted. It stays when the customer is stored again: what was made of the customer at an earlier
// commit is of the one that was deleted.
type Tombstone struct {
	// Hash is TombstoneHash of its id.
	Hash string
	// Version is the commit at which it was deleted.
	Version Commit
	// Erased tells whether all that was kept of it was erased, too.
	Erased bool
}

// TombstoneHash is what a tombstone keeps of a customer's id: its SHA-256. It is on disk: it is never changed. A tombstone must not keep the id, since
// it outlives those that were erased; who knows an id can still tell that it was once deleted.
func TombstoneHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return string(sum[:])
}

// ErasedSubject is what the audit log calls a customer that was erased: who knows the id finds the entries, and they do not tell it.
func ErasedSubject(id string) string { return fmt.Sprintf("customers/erased-%x", TombstoneHash(id)) }
