package snapshot

import (
	"errors"
	"strings"
	"time"

	"github.com/echelonhq/echelon/engine"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Overrides tells the overrides of customers in one model to an evaluation that goes through all customers, ascending by id. Close it.
type Overrides struct {
	rows *pull[storage.Document]
}

// OpenOverrides opens a model's overrides.
func OpenOverrides(documents storage.Documents, model string) *Overrides {
	return &Overrides{newPull(documents.Documents(storage.KindOverride, storage.DocumentScan{Prefix: storage.OverrideKey(model, "")}))}
}

// Close ends the reading.
func (o *Overrides) Close() { o.rows.stop() }

// Of returns the overrides of customers, none of which was asked for before, ascending by id, that hold at an instant; nil where nobody has any.
func (o *Overrides) Of(ids []string, at time.Time) ([][]engine.Override, error) {
	if o == nil { // nobody looks at them
		return nil, nil
	}
	var all [][]engine.Override
	for i, id := range ids {
		for o.rows.more() && idOf(o.rows.value) < id {
			o.rows.next()
		}
		if !o.rows.more() {
			return all, o.rows.err
		}
		if idOf(o.rows.value) != id {
			continue
		}
		kept := &storagev1.Overrides{}
		if err := o.rows.value.Decode(kept); err != nil {
			return nil, err
		}
		all = with(all, len(ids), i, kept.GetOverrides(), at)
	}
	return all, nil
}

func idOf(document storage.Document) string {
	_, id := storage.OverrideOf(document.Key)
	return id
}

// OverridesOf returns the overrides of customers that hold at an instant; nil where nobody has any. An Update that asks has read them.
func OverridesOf(documents storage.Documents, model string, ids []string, at time.Time) ([][]engine.Override, error) {
	if any, err := ReadOverrides(documents, model, ""); any == nil || err != nil {
		return nil, err
	}
	var all [][]engine.Override
	for i, id := range ids {
		kept, err := ReadOverrides(documents, model, id)
		if err != nil {
			return nil, err
		}
		all = with(all, len(ids), i, kept.GetOverrides(), at)
	}
	return all, nil
}

// ReadOverrides returns what is kept of a customer's overrides; nil where there is nothing.
func ReadOverrides(documents storage.Documents, model, id string) (*storagev1.Overrides, error) {
	kept := &storagev1.Overrides{}
	err := documents.Document(storage.KindOverride, storage.OverrideKey(model, id), kept)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return kept, err
}

// with adds the overrides of customer i that hold at an instant.
func with(all [][]engine.Override, customers, i int, kept []*echelonv1.Override, at time.Time) [][]engine.Override {
	for _, o := range kept {
		if Expired(o, at) {
			continue
		}
		if all == nil {
			all = make([][]engine.Override, customers)
		}
		one := engine.Override{Tiering: o.GetItem(), Tier: o.GetPinned(), Actor: o.GetActor(), Reason: o.GetReason()}
		if segmentation, of := SegmentationOf(o.GetItem()); of {
			one.Segmentation, one.Segment, one.Tiering, one.Tier = segmentation, o.GetPinned(), "", ""
		}
		if role, of := RoleOf(o.GetItem()); of {
			one.Role, one.Rep, one.Tiering, one.Tier = role, o.GetPinned(), "", ""
		}
		if o.GetExpireTime() != nil {
			until := o.GetExpireTime().AsTime()
			one.Until = &until
		}
		all[i] = append(all[i], one)
	}
	return all
}

// SegmentationOf returns the segmentation that the item of an override names, and whether it is one rather than a tiering.
func SegmentationOf(item string) (string, bool) { return strings.CutPrefix(item, "segments.") }

// Expired reports whether an override has ended by an instant.
func Expired(o *echelonv1.Override, at time.Time) bool {
	return o.GetExpireTime() != nil && !at.Before(o.GetExpireTime().AsTime())
}
