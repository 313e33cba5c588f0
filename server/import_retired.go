package server

import (
	"cmp"
	"errors"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// retiredBy returns the attributes of a conflict with the schema that were retired, where it is about nothing else.
func retiredBy(err error) (names []string) {
	var of *storage.SchemaConflictError
	if !errors.As(err, &of) {
		return nil
	}
	for _, c := range of.Conflicts {
		if !c.Retired {
			return nil
		}
		names = append(names, c.Name)
	}
	return names
}

// without returns the rows as they are read once attributes were retired: those that have one are refused, unless unknown attributes are ignored.
func (r *importRows) without(retired []string, ignore bool) *importRows {
	var fields []frame.Field
	var places, gone []int
	for i := range r.Schema.Len() {
		if slices.Contains(retired, r.Schema.Field(i).Name) {
			gone = append(gone, i)
			continue
		}
		fields, places = append(fields, r.Schema.Field(i)), append(places, i)
	}
	if len(gone) == 0 {
		return r
	}
	left := &importRows{Frame: r.Project(frame.NewSchema(fields...), places), places: r.places, refused: r.refused, notices: r.notices, hash: r.hash}
	if !ignore {
		left.refuseRetired(func(row int) (string, bool) {
			has := slices.IndexFunc(gone, func(i int) bool { return r.Columns[i].Valid.Get(row) })
			if has < 0 {
				return "", false
			}
			return r.Schema.Field(gone[has]).Name, true
		})
	}
	return left
}

// refuseWatched takes out the rows of a record batch that have a value in a column of a retired attribute.
func (r *importRows) refuseWatched(watched []arrowframe.Watched) {
	if len(watched) == 0 {
		return
	}
	r.refuseRetired(func(row int) (string, bool) {
		has := slices.IndexFunc(watched, func(w arrowframe.Watched) bool { return w.Rows.Get(int(r.places[row])) })
		if has < 0 {
			return "", false
		}
		return watched[has].Name, true
	})
}

// refuseRetired takes out the rows that have a retired attribute.
func (r *importRows) refuseRetired(has func(row int) (attribute string, ok bool)) {
	kept := frame.NewBitmap(r.Len())
	var places []int64
	var refused []*echelonv1.RowError
	for row, id := range r.IDs {
		attribute, ok := has(row)
		if !ok {
			kept.Set(row, true)
			places = append(places, r.places[row])
			continue
		}
		one := gone{}.refusal(id, attribute)
		one.Index = r.places[row]
		refused = append(refused, one)
	}
	if len(refused) == 0 {
		return
	}
	r.Frame, r.places, r.refused = r.Select(kept), places, slices.Concat(r.refused, refused)
	slices.SortStableFunc(r.refused, func(a, b *echelonv1.RowError) int { return cmp.Compare(a.GetIndex(), b.GetIndex()) })
}
