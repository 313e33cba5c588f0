package feed

import (
	"context"
	"iter"
	"slices"

	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// comparedAtOnce is how many customers are compared anew before their differences are put into blocks.
	comparedAtOnce = 8 * blockChanges
	// manyAnew is how many customers are looked for among all others, rather than each by its id, if sparse of them is not fewer than all.
	manyAnew, sparse = blockChanges, 64
)

// difference is what a publication changes of a customer by now: a row of a block, or nothing.
type difference struct {
	id      string
	block   *storagev1.SnapshotBlock
	row     int
	reasons []uint32
}

// differences compares customers, ascending, and hands out what differs, some thousand customers at a time.
func (p *Publication) differences(ctx context.Context, before, after *snapshot.Reader, ids []string) iter.Seq2[[]difference, error] {
	if n := int64(len(ids)); n >= manyAnew && n*sparse >= after.Run().GetEvaluated() {
		return p.amongAll(ctx, before, after, ids)
	}
	return func(yield func([]difference, error) bool) {
		for some := range slices.Chunk(ids, comparedAtOnce) {
			made, err := p.oneByOne(ctx, before, after, some)
			if !yield(made, err) || err != nil {
				return
			}
		}
	}
}

// oneByOne looks customers up by their ids.
func (p *Publication) oneByOne(ctx context.Context, before, after *snapshot.Reader, ids []string) ([]difference, error) {
	c := p.batch.comparer()
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		was, err := rowOf(before, id)
		if err != nil {
			return nil, err
		}
		is, err := rowOf(after, id)
		if err != nil {
			return nil, err
		}
		if err := c.compare(id, was, is); err != nil {
			return nil, err
		}
	}
	return differencesIn(c.block, ids)
}

// differencesIn returns what a block has of customers, ascending.
func differencesIn(block *storagev1.SnapshotBlock, ids []string) ([]difference, error) {
	made := make([]difference, len(ids))
	for i, id := range ids {
		made[i].id = id
	}
	err := each(block, func(row int, reasons []uint32) error {
		i, _ := slices.BinarySearch(ids, block.Ids[row])
		made[i].block, made[i].row, made[i].reasons = block, row, reasons
		return nil
	})
	return made, err
}

// rowOf returns a customer's assignment; nil where there is none.
func rowOf(r *snapshot.Reader, id string) (*snapshot.Row, error) {
	if r == nil {
		return nil, nil
	}
	row, found, err := r.Row(id)
	if err != nil || !found {
		return nil, err
	}
	return &row, nil
}

// some is customers of a stretch.
type some struct {
	stretch *snapshot.Stretch
	ids     []string
}

// amongAll goes through both publications, several stretches at the same time, and compares those of the customers that it meets.
func (p *Publication) amongAll(ctx context.Context, before, after *snapshot.Reader, ids []string) iter.Seq2[[]difference, error] {
	compare := func() func(context.Context, some) ([]difference, error) {
		return func(_ context.Context, of some) ([]difference, error) {
			c, rest := p.batch.comparer(), of.ids
			err := of.stretch.Pairs(func(id string, was, is snapshot.Cell) error {
				for len(rest) > 0 && rest[0] < id {
					rest = rest[1:]
				}
				if len(rest) == 0 || rest[0] != id {
					return nil
				}
				return c.compareCells(id, was, is)
			})
			if err != nil {
				return nil, err
			}
			return differencesIn(c.block, of.ids)
		}
	}
	return func(yield func([]difference, error) bool) {
		var made []difference
		for more, err := range parallel.Ordered(ctx, stretchesOf(ctx, before, after, ids), compare) {
			if err != nil {
				yield(nil, err)
				return
			}
			if made = append(made, more...); len(made) >= comparedAtOnce {
				if !yield(made, nil) {
					return
				}
				made = nil
			}
		}
		yield(made, nil)
	}
}

// stretchesOf goes through the stretches that may have customers, each with its own. The others are not decoded.
func stretchesOf(ctx context.Context, before, after *snapshot.Reader, ids []string) iter.Seq2[some, error] {
	return func(yield func(some, error) bool) {
		first := ids[0]
		for stretch, err := range snapshot.Beside(ctx, before, after, first[:len(first)-1]) { // which is before it, and not by much
			if err != nil {
				yield(some{}, err)
				return
			}
			n := len(ids)
			if end, bounded := stretch.End(); bounded {
				n, _ = slices.BinarySearch(ids, end+"\x00") // whoever is up to the end
			}
			of := some{stretch, ids[:n]}
			ids = ids[n:]
			if n > 0 && !yield(of, nil) || len(ids) == 0 {
				return
			}
		}
	}
}

// kindIn returns what a change of a block is.
func kindIn(block *storagev1.SnapshotBlock, row int) echelonv1.AssignmentChange_Kind {
	return echelonv1.AssignmentChange_Kind(block.GetChangeKinds()[row])
}
