package snapshot

import (
	"context"

	"github.com/echelonhq/echelon/storage"
)

// Graves are the last deletions of the customers that were deleted after a commit, by the beginnings of their tombstones' hashes: some forty bytes each.
type Graves map[[16]byte]storage.Commit

// OpenGraves reads the tombstones that were written after a commit.
func OpenGraves(ctx context.Context, view storage.Reader, after storage.Commit) (Graves, error) {
	g := Graves{}
	for tombstone, err := range view.Tombstones(ctx, after) {
		if err != nil {
			return nil, err
		}
		g[[16]byte([]byte(tombstone.Hash))] = tombstone.Version
	}
	return g, nil
}

// Of returns the commit of a customer's last deletion; 0 where it was not deleted since.
func (g Graves) Of(id string) storage.Commit {
	if len(g) == 0 {
		return 0
	}
	return g[[16]byte([]byte(storage.TombstoneHash(id)))]
}
