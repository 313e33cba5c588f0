package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// block is a block of a snapshot with something in each column.
func block(ids ...string) *storagev1.SnapshotBlock {
	b := &storagev1.SnapshotBlock{
		Ids: ids, Segments: []*storagev1.NameColumn{{}}, Scores: []*storagev1.ScoreColumn{{}}, Reasons: []*echelonv1.Reason{{}},
	}
	for i := range ids {
		b.Segments[0].Codes = append(b.Segments[0].Codes, uint32(i))
		b.Scores[0].Values = append(b.Scores[0].Values, float64(i)/3)
		b.Scores[0].Valid = append(b.Scores[0].Valid, i%2 == 0)
	}
	return b
}

// writeBlocks writes a snapshot of blocks of these ids.
func writeBlocks(t *testing.T, store storage.Store, snapshot string, blocks ...[]string) {
	t.Helper()
	writer, err := store.WriteSnapshot(t.Context(), snapshot)
	noError(t, err)
	for _, ids := range blocks {
		noError(t, writer.Append(block(ids...)))
	}
	noError(t, writer.Close())
	noError(t, writer.Abort()) // as with defer: of no effect any more
}

// pagesOf returns the blocks of a snapshot's pages, which are decoded when the scan and the reader have ended.
func pagesOf(t *testing.T, reader storage.Reader, snapshot, after string) (blocks []*storagev1.SnapshotBlock) {
	t.Helper()
	var pages []storage.SnapshotPage
	for page, err := range reader.SnapshotPages(t.Context(), snapshot, after) {
		noError(t, err)
		pages = append(pages, page)
	}
	reader.Close()
	for _, page := range pages {
		block, err := page.Decode()
		noError(t, err)
		equal(t, page.Last(), block.GetIds()[len(block.GetIds())-1])
		blocks = append(blocks, block)
	}
	return blocks
}

func testSnapshotPages(t *testing.T, store storage.Store) {
	writeBlocks(t, store, "run", []string{"b", "b\x00", "d"}, []string{"f"}, []string{"f\x00", "h"})
	writeBlocks(t, store, "run2", []string{"a"})
	for _, after := range []string{"", "c", "d", "g", "h", "i"} {
		var want []*storagev1.SnapshotBlock
		for block, err := range view(t, store).SnapshotBlocks(t.Context(), "run", after) {
			noError(t, err)
			want = append(want, block)
		}
		equal(t, pagesOf(t, view(t, store), "run", after), want)
	}
	equal(t, len(pagesOf(t, view(t, store), "ru", "")), 0)
}

// lastIDs returns the last ids of the blocks that may hold ids after the given one.
func lastIDs(t *testing.T, reader storage.Reader, snapshot, after string) []string {
	t.Helper()
	last := []string{}
	for block, err := range reader.SnapshotBlocks(t.Context(), snapshot, after) {
		noError(t, err)
		last = append(last, block.GetIds()[len(block.GetIds())-1])
	}
	return last
}

func testSnapshots(t *testing.T, store storage.Store) {
	writeBlocks(t, store, "run", []string{"b", "b\x00", "d"}, []string{"f"}, []string{"f\x00", "h"})
	writeBlocks(t, store, "empty")
	reader := view(t, store)
	for id, last := range map[string]string{
		"": "d", "a": "d", "b": "d", "b\x00": "d", "c": "d", "d": "d", "d\x00": "f", "e": "f", "f": "f", "f\x00": "h", "g": "h", "h": "h",
	} {
		got, err := reader.SnapshotBlock("run", id)
		noError(t, err)
		if ids := got.GetIds(); ids[len(ids)-1] != last {
			t.Errorf("id %q: got the block %q, want the one that ends with %q", id, ids, last)
		}
	}
	got, err := reader.SnapshotBlock("run", "c")
	noError(t, err)
	equal(t, got, block("b", "b\x00", "d"))
	for _, missing := range [][2]string{{"run", "h\x00"}, {"run", "i"}, {"ru", "b"}, {"run2", "b"}, {"empty", "b"}, {"", "b"}} {
		if _, err := reader.SnapshotBlock(missing[0], missing[1]); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("snapshot %q, id %q: got %v, want ErrNotFound", missing[0], missing[1], err)
		}
	}
	for after, want := range map[string][]string{
		"": {"d", "f", "h"}, "c": {"d", "f", "h"}, "d": {"f", "h"}, "e": {"f", "h"}, "f": {"h"}, "g": {"h"}, "h": {}, "i": {},
	} {
		equal(t, lastIDs(t, reader, "run", after), want)
	}
	equal(t, lastIDs(t, reader, "empty", ""), []string{})
	if _, err := store.WriteSnapshot(t.Context(), "run"); !errors.Is(err, storage.ErrExists) {
		t.Errorf("a second snapshot of the name: got %v, want ErrExists", err)
	}
}

func testSnapshotNames(t *testing.T, store storage.Store) {
	names := []string{"\x01", "a", "a\x01", "aa", "ab", "b", "é\u00ff", "\U0010ffff"}
	for _, name := range slices.Backward(names) {
		writeBlocks(t, store, name, []string{"a", "b"}, []string{"\U0010ffff"})
	}
	got, err := view(t, store).SnapshotNames(t.Context())
	noError(t, err)
	equal(t, got, names)
	noError(t, store.DeleteSnapshot(t.Context(), "a"))
	noError(t, store.DeleteSnapshot(t.Context(), "a"))
	noError(t, store.DeleteSnapshot(t.Context(), "never there"))
	reader := view(t, store)
	got, err = reader.SnapshotNames(t.Context())
	noError(t, err)
	equal(t, got, slices.Delete(slices.Clone(names), 1, 2))
	equal(t, lastIDs(t, reader, "a", ""), []string{})
	equal(t, lastIDs(t, reader, "aa", ""), []string{"b", "\U0010ffff"})
	writeBlocks(t, store, "a", []string{"again"})
	equal(t, lastIDs(t, view(t, store), "a", ""), []string{"again"})
	for _, name := range []string{"", "a\x00b", strings.Repeat("x", storage.MaxKeyBytes+1)} {
		if _, err := store.WriteSnapshot(t.Context(), name); !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("a snapshot named %.10q: got %v, want ErrInvalid", name, err)
		}
	}
}

// testLargeSnapshot needs several commits to write and to delete.
func testLargeSnapshot(t *testing.T, store storage.Store) {
	random := rand.New(rand.NewPCG(1, 2))
	padding := make([]byte, 6000)
	for i := range padding {
		padding[i] = byte('a' + random.IntN(26))
	}
	writer, err := store.WriteSnapshot(t.Context(), "large")
	noError(t, err)
	const blocks = 1500
	want := make([]string, blocks)
	for i := range want {
		b := block(fmt.Sprintf("c%06d", i))
		b.Reasons[0].Message = string(padding)
		want[i] = b.GetIds()[0]
		noError(t, writer.Append(b))
		b.Reasons[0].Message = "the writer keeps nothing of a block"
	}
	noError(t, writer.Close())
	reader := view(t, store)
	n := 0
	for b, err := range reader.SnapshotBlocks(t.Context(), "large", "") {
		noError(t, err)
		if b.GetIds()[0] != want[n] || b.GetReasons()[0].GetMessage() != string(padding) {
			t.Fatalf("block %d is %s", n, b.GetIds()[0])
		}
		n++
	}
	equal(t, n, blocks)
	noError(t, store.DeleteSnapshot(t.Context(), "large"))
	equal(t, lastIDs(t, view(t, store), "large", ""), []string{})
	equal(t, len(lastIDs(t, reader, "large", "")), blocks)
}

func testSnapshotOrder(t *testing.T, store storage.Store) {
	tests := map[string][][]string{
		"within a block": {{"b", "a"}},
		"the same twice": {{"a", "a"}},
		"between blocks": {{"a", "c"}, {"b"}},
		"repeated":       {{"a", "c"}, {"c", "d"}},
		"no ids":         {{}},
		"an empty id":    {{"", "a"}},
	}
	for name, blocks := range tests {
		t.Run(name, func(t *testing.T) {
			writer, err := store.WriteSnapshot(t.Context(), name)
			noError(t, err)
			for i, ids := range blocks {
				err = writer.Append(block(ids...))
				if last := i == len(blocks)-1; last != errors.Is(err, storage.ErrInvalid) {
					t.Errorf("block %d: got %v", i, err)
				}
			}
			if closed := writer.Close(); !errors.Is(closed, storage.ErrInvalid) {
				t.Errorf("closing after a failure: got %v, want the failure", closed)
			}
			noError(t, writer.Abort())
		})
	}
	names, err := view(t, store).SnapshotNames(t.Context())
	noError(t, err)
	equal(t, len(names), 0)
}

func testSnapshotAbort(t *testing.T, store storage.Store) {
	writer, err := store.WriteSnapshot(t.Context(), "run")
	noError(t, err)
	for i := range 6 { // several commits
		b := block(fmt.Sprintf("c%d", i))
		b.Reasons[0].Message = strings.Repeat("x", 1<<20)
		noError(t, writer.Append(b))
	}
	noError(t, writer.Abort())
	noError(t, writer.Abort())
	equal(t, lastIDs(t, view(t, store), "run", ""), []string{})
	if err := writer.Append(block("z")); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("append after abort: got %v, want ErrInvalid", err)
	}
	if err := writer.Close(); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("close after abort: got %v, want ErrInvalid", err)
	}
	writeBlocks(t, store, "run", []string{"a"})
}

// A block that was read is that of the reader's commit again, whatever became of it since.
func testSnapshotBlockAgain(t *testing.T, store storage.Store) {
	writeBlocks(t, store, "run", []string{"a", "b"}, []string{"d"})
	before := view(t, store)
	for range 3 { // the second time from memory, if the store keeps what it read
		got, err := before.SnapshotBlock("run", "b")
		noError(t, err)
		equal(t, got.GetIds(), []string{"a", "b"})
	}
	found, err := store.RewriteBlock(t.Context(), "run", "b", func(*storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error) {
		return []*storagev1.SnapshotBlock{block("b")}, nil
	})
	noError(t, err)
	equal(t, found, true)
	for range 3 {
		got, err := view(t, store).SnapshotBlock("run", "b")
		noError(t, err)
		equal(t, got.GetIds(), []string{"b"})
		got, err = before.SnapshotBlock("run", "b")
		noError(t, err)
		equal(t, got.GetIds(), []string{"a", "b"})
	}
	noError(t, store.DeleteSnapshot(t.Context(), "run"))
	if _, err := view(t, store).SnapshotBlock("run", "b"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a block of a snapshot that is removed: %v", err)
	}
	writeBlocks(t, store, "run", []string{"b", "c"})
	got, err := view(t, store).SnapshotBlock("run", "b")
	noError(t, err)
	equal(t, got.GetIds(), []string{"b", "c"})
}
