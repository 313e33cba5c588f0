package snapshot_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

func TestARowOfAnOverlayReadsBackAsItsCustomer(t *testing.T) {
	p := program(t)
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t, p)
		rows := snapshot.EncodeRows(want, asOf)
		if len(rows) != want.Len() {
			t.Fatalf("%d rows of %d customers", len(rows), want.Len())
		}
		for i, row := range rows {
			got, err := snapshot.Decode(p, stored(t, row.GetBlock()))
			if err != nil {
				t.Fatal(err)
			}
			if got.Len() != 1 || !row.GetAsOf().AsTime().Equal(asOf) {
				t.Fatalf("row %d has %d customers as of %s", i, got.Len(), row.GetAsOf().AsTime())
			}
			if diff := cmp.Diff(want.Assignment(i), got.Assignment(0), protocmp.Transform()); diff != "" {
				t.Fatalf("customer %d (-evaluated +read):\n%s", i, diff)
			}
		}
	})
}

func TestABlockWithoutACustomerHasTheOthersAndNothingOfIt(t *testing.T) {
	p := program(t)
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t, p)
		if want.Len() == 0 {
			return
		}
		block := stored(t, snapshot.Encode(want))
		gone := rapid.IntRange(0, want.Len()-1).Draw(t, "gone")
		left, err := snapshot.Without(block, want.IDs[gone])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(snapshot.Encode(want), block, protocmp.Transform()); diff != "" {
			t.Fatalf("the block itself changed\n%s", diff)
		}
		if want.Len() == 1 {
			if left != nil {
				t.Fatalf("nobody is left, and the block is %v", left)
			}
			return
		}
		got, err := snapshot.Decode(p, stored(t, left))
		if err != nil {
			t.Fatal(err)
		}
		used := make(map[uint32]bool)
		for _, ref := range left.GetReasonRefs() {
			used[ref] = true
		}
		if len(used) != len(left.GetReasons()) {
			t.Fatalf("of %d reasons %d are used", len(left.GetReasons()), len(used))
		}
		for i := range want.Len() {
			place, found := slices.BinarySearch(got.IDs, want.IDs[i])
			if found == (i == gone) {
				t.Fatalf("%q is in it: %t", want.IDs[i], found)
			}
			if found {
				if diff := cmp.Diff(want.Assignment(i), got.Assignment(place), protocmp.Transform()); diff != "" {
					t.Fatalf("customer %d (-evaluated +read):\n%s", i, diff)
				}
			}
		}
		again, err := snapshot.Without(left, want.IDs[gone])
		if err != nil || !proto.Equal(again, left) {
			t.Fatalf("without it again: %v, %v", again, err)
		}
	})
}

func FuzzOverlayRow(f *testing.F) {
	p := program(f)
	f.Add([]byte{})
	f.Add([]byte("\x0a\x08\x0a\x01a\x0a\x01b\x32\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		row := &storagev1.OverlayRow{}
		if proto.Unmarshal(data, row) != nil {
			return
		}
		block := row.GetBlock()
		readAll(t, p, block)
		for _, id := range block.GetIds() {
			left, err := snapshot.Without(block, id)
			if err == nil && left != nil && slices.IsSorted(block.GetIds()) && len(left.GetIds()) != len(block.GetIds())-1 {
				t.Fatalf("%q without %q is %q", block.GetIds(), id, left.GetIds())
			}
		}
	})
}
