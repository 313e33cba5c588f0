package runs_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// counting is a store whose readers count how often customers are counted, and hold up who goes through them while it is told to.
type counting struct {
	storage.Store
	counted atomic.Int64
	hold    atomic.Bool
}

func (s *counting) View(ctx context.Context) (storage.Reader, error) {
	reader, err := s.Store.View(ctx)
	return &countingReader{reader, s}, err
}

type countingReader struct {
	storage.Reader
	store *counting
}

func (r *countingReader) CustomerKeys(ctx context.Context, after string) iter.Seq2[storage.CustomerKey, error] {
	r.store.counted.Add(1)
	return r.Reader.CustomerKeys(ctx, after)
}

func (r *countingReader) CustomerPages(ctx context.Context, view *frame.Schema, scan storage.CustomerScan, readers int) iter.Seq2[storage.CustomerPage, error] {
	if r.store.hold.Load() {
		return func(yield func(storage.CustomerPage, error) bool) {
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}
	return r.Reader.CustomerPages(ctx, view, scan, readers)
}

func TestAWatchIsToldOfAsManyCustomersAsTheRunBeforeHadWithoutCountingThem(t *testing.T) {
	ctx := context.Background()
	store := &counting{Store: memory.New()}
	r := newRig(t, store)
	r.put([]*echelonv1.Customer{{Id: "a"}, {Id: "b"}, {Id: "c"}})
	r.run()
	r.put([]*echelonv1.Customer{{Id: "d"}})
	store.hold.Store(true)
	started, err := r.Start(ctx, runs.Request{Model: "m"})
	r.must(err)
	for seen, err := range r.Watch(ctx, started.GetId()) {
		r.must(err)
		if seen.Phase == runs.Ended {
			break
		}
		if seen.Total != 3 || seen.Done != 0 {
			t.Errorf("%d of %d customers, want none of 3", seen.Done, seen.Total)
		}
		if _, err := r.Cancel(ctx, started.GetId()); err != nil {
			t.Error(err)
		}
	}
	if n := store.counted.Load(); n != 0 {
		t.Errorf("they were counted %d times", n)
	}
}
