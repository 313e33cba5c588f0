package intake

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/review"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// OverrideFilter tells which overrides of a model are wanted. All of its fields hold together.
type OverrideFilter struct {
	// Model is the model's name.
	Model string
	// Item is a tiering, or a segmentation after "segments.", or a role after "reps.", and Actor a principal; any where empty.
	Item, Actor string
	// Pinned is what they pin; anything where empty.
	Pinned string
	// ExpireBefore is an instant before which they expire; any, and none, where zero.
	ExpireBefore time.Time
	// Stale wants those whose computed outcome has moved away.
	Stale bool
	// AfterCustomer and AfterItem are the override after which the list goes on; it begins with the first where they are empty.
	AfterCustomer, AfterItem string
}

func (f *OverrideFilter) wants(o *echelonv1.Override) bool {
	switch {
	case o.GetCustomerId() == f.AfterCustomer && o.GetItem() <= f.AfterItem:
		return false
	case f.Item != "" && o.GetItem() != f.Item, f.Actor != "" && o.GetActor() != f.Actor, f.Pinned != "" && o.GetPinned() != f.Pinned:
		return false
	case !f.ExpireBefore.IsZero():
		return o.GetExpireTime() != nil && o.GetExpireTime().AsTime().Before(f.ExpireBefore)
	}
	return true
}

// Override returns an override with what the model computes now. MODEL_NOT_FOUND, OVERRIDE_NOT_FOUND.
func (i *Intake) Override(ctx context.Context, model, id, item string) (*echelonv1.Override, error) {
	view, err := i.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	computed, err := i.openComputed(view, model)
	if err != nil {
		return nil, err
	}
	kept, err := snapshot.ReadOverrides(view, model, id)
	if err != nil {
		return nil, err
	}
	place, found := placeOfOverride(kept, item)
	if !found || snapshot.Expired(kept.GetOverrides()[place], i.now()) {
		return nil, ErrNoOverride(model, id, item)
	}
	o := kept.GetOverrides()[place]
	return o, computed.add(o)
}

// Overrides returns up to limit overrides by customer and item, with what the model computes now. MODEL_NOT_FOUND.
func (i *Intake) Overrides(ctx context.Context, filter OverrideFilter, limit int) ([]*echelonv1.Override, error) {
	view, err := i.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	computed, err := i.openComputed(view, filter.Model)
	if err != nil {
		return nil, err
	}
	var list []*echelonv1.Override
	now := i.now()
	for kept, err := range filter.from(view) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		for _, o := range kept.GetOverrides() {
			if snapshot.Expired(o, now) || !filter.wants(o) {
				continue
			}
			if err := computed.add(o); err != nil {
				return nil, err
			}
			if filter.Stale && !o.GetStale() {
				continue
			}
			if list = append(list, o); len(list) == limit {
				return list, nil
			}
		}
	}
	return list, nil
}

// from goes through the overrides of a model customer by customer, from the one on with which the list goes on.
func (f *OverrideFilter) from(view storage.Reader) iter.Seq2[*storagev1.Overrides, error] {
	return func(yield func(*storagev1.Overrides, error) bool) {
		scan := storage.DocumentScan{Prefix: storage.OverrideKey(f.Model, "")}
		if f.AfterCustomer != "" {
			scan.After = storage.OverrideKey(f.Model, f.AfterCustomer)
			if kept, err := snapshot.ReadOverrides(view, f.Model, f.AfterCustomer); (kept != nil || err != nil) && !yield(kept, err) || err != nil {
				return
			}
		}
		for document, err := range view.Documents(storage.KindOverride, scan) {
			kept := &storagev1.Overrides{}
			if err == nil {
				err = document.Decode(kept)
			}
			if !yield(kept, err) || err != nil {
				return
			}
		}
	}
}

// computed tells what a model computes for customers by what is published.
type computed struct {
	// reader is nil where nothing is published.
	reader *snapshot.Reader
}

// openComputed opens what a model computes. MODEL_NOT_FOUND.
func (i *Intake) openComputed(view storage.Reader, model string) (computed, error) {
	if _, err := catalog.Head(view, model); err != nil {
		return computed{}, err
	}
	reader, err := snapshot.Open(i.catalog, view, model, "")
	if fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return computed{}, nil
	}
	return computed{reader}, err
}

// add says of an override what is computed now, and whether that has moved away.
func (c computed) add(o *echelonv1.Override) error {
	if c.reader == nil {
		return nil
	}
	row, found, err := c.reader.Row(o.GetCustomerId())
	if err != nil || !found {
		return err
	}
	o.Computed = computedOf(row.Result, row.Index, o.GetItem())
	o.Stale = review.Stale(o, o.Computed)
	return nil
}

// ExpireOverrides ends the overrides that have expired, each with the assignment that follows from it, and returns how many. Of those that cannot be
// ended the first fault is told, and the others are ended all the same.
func (i *Intake) ExpireOverrides(ctx context.Context) (ended int, err error) {
	due, err := i.expired(ctx)
	if err != nil {
		return 0, err
	}
	var failed error
	for _, key := range due {
		n := 0
		model, id := storage.OverrideOf(key)
		err := i.overriding(ctx, model, func(w *overriding) error {
			kept, err := snapshot.ReadOverrides(w.tx, model, id)
			if err != nil {
				return err
			}
			before := len(kept.GetOverrides())
			if before == 0 {
				return nil
			}
			kept.Overrides = slices.DeleteFunc(kept.GetOverrides(), func(o *echelonv1.Override) bool { return snapshot.Expired(o, w.now) })
			if n = before - len(kept.GetOverrides()); n == 0 {
				return nil
			}
			w.origin = echelonv1.AssignmentChange_OVERRIDE_EXPIRED
			return w.put(id, kept)
		})
		switch {
		case err == nil:
			ended += n
		case ctx.Err() != nil:
			return ended, err
		case failed == nil:
			failed = fmt.Errorf("ending the overrides of a customer of the model %q: %w", model, err)
		}
	}
	return ended, failed
}

// expired returns the keys of documents in which an override has expired.
func (i *Intake) expired(ctx context.Context) (due []string, err error) {
	view, err := i.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	now := i.now()
	for document, err := range view.Documents(storage.KindOverride, storage.DocumentScan{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		kept := &storagev1.Overrides{}
		if err := document.Decode(kept); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(kept.GetOverrides(), func(o *echelonv1.Override) bool { return snapshot.Expired(o, now) }) {
			due = append(due, document.Key)
		}
	}
	return due, nil
}

// endDecisions removes all overrides of a customer that is removed, and all that was accepted of it.
func endDecisions(tx storage.Tx, id string) error {
	var models []string
	for document, err := range tx.Documents(storage.KindModelHead, storage.DocumentScan{}) {
		if err != nil {
			return err
		}
		models = append(models, document.Key)
	}
	for _, model := range models {
		kept, err := snapshot.ReadOverrides(tx, model, id)
		if err == nil && kept != nil {
			err = tx.DeleteDocument(storage.KindOverride, storage.OverrideKey(model, id))
		}
		if err != nil {
			return err
		}
		reviews, err := review.ReadReviews(tx, model, id)
		if err == nil && reviews != nil {
			err = tx.DeleteDocument(storage.KindReview, storage.ReviewKey(model, id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
