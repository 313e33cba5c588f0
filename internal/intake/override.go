package intake

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// SetOverride sets an override in place of the one of its customer and item, and returns it as it is now. Where an etag is given, the one that is
// replaced must have it; there must be none where it is empty. MODEL_NOT_FOUND, CUSTOMER_NOT_FOUND, INVALID_REQUEST, OVERRIDE_CHANGED.
func (i *Intake) SetOverride(ctx context.Context, o *echelonv1.Override, etag *string) (set *echelonv1.Override, err error) {
	err = i.overriding(ctx, o.GetModel(), func(w *overriding) error {
		set, err = w.set(o, etag, nil)
		return err
	})
	return set, err
}

// SetOverrides sets overrides in one commit, each in place of what there is. What is wrong with one refuses that one alone.
func (i *Intake) SetOverrides(ctx context.Context, all []*echelonv1.Override) (stored int64, refused []*echelonv1.OverrideError, err error) {
	writers := make(map[string]*overriding)
	err = i.Commit(ctx, func(tx storage.Tx) error {
		clear(writers)
		stored, refused = 0, nil
		view, err := i.store.View(ctx)
		if err != nil {
			return err
		}
		defer view.Close()
		for place, o := range all {
			w := writers[o.GetModel()]
			if w == nil {
				w, err = i.newOverriding(ctx, tx, view, o.GetModel())
			}
			if err == nil {
				writers[o.GetModel()] = w
				_, err = w.set(o, nil, nil)
			}
			var f *fault.Fault
			switch {
			case errors.As(err, &f):
				refused = append(refused, &echelonv1.OverrideError{
					Index: int64(place), CustomerId: o.GetCustomerId(), Reason: f.Reason.String(), Message: f.Message,
				})
			case err != nil:
				return err
			default:
				stored++
			}
			err = nil
		}
		for _, w := range writers {
			if err := w.note(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return stored, refused, err
}

// DeleteOverride ends an override. MODEL_NOT_FOUND, OVERRIDE_NOT_FOUND, OVERRIDE_CHANGED.
func (i *Intake) DeleteOverride(ctx context.Context, model, id, item, etag string) error {
	return i.overriding(ctx, model, func(w *overriding) error {
		kept, err := snapshot.ReadOverrides(w.tx, model, id)
		if err != nil {
			return err
		}
		place, found := placeOfOverride(kept, item)
		if !found || snapshot.Expired(kept.GetOverrides()[place], w.now) { // the sweeper ends that, and says so
			return ErrNoOverride(model, id, item)
		}
		if etag != "" && kept.GetOverrides()[place].GetEtag() != etag {
			return errOverrideChanged(kept.GetOverrides()[place])
		}
		kept.Overrides = slices.Delete(kept.GetOverrides(), place, place+1)
		return w.put(id, kept)
	})
}

// ErrNoOverride is the fault of an override that there is not.
func ErrNoOverride(model, id, item string) error {
	return fault.New(echelonv1.ErrorReason_OVERRIDE_NOT_FOUND, "the customer %q has no override of %q in the model %q: it expired, was deleted or never set; "+
		"list the overrides", id, item, model)
}

func errOverrideChanged(now *echelonv1.Override) error {
	f := fault.New(echelonv1.ErrorReason_OVERRIDE_CHANGED, "there is no override of the customer any more, and the etag is of one: read it again, and give an empty etag to set a new one")
	if now != nil {
		f.Message = "the override was changed by " + now.GetActor() + " at " + now.GetCreateTime().AsTime().UTC().Format(time.RFC3339) +
			" since its etag was read: read it again, and decide anew"
	}
	return f.With("etag", now.GetEtag())
}

// overriding is a commit that changes overrides of one model.
type overriding struct {
	intake  *Intake
	tx      storage.Tx
	view    storage.Reader
	model   string
	program *engine.Program
	// published is nil where nothing is.
	published *catalog.Published
	who       feed.Who
	origin    echelonv1.AssignmentChange_Origin
	now       time.Time
	// before are the assignments before the commit, and changes what became of them, by customer.
	before  *snapshot.Reader
	changes map[string]feed.Pair
}

// note notes what the commit changes of assignments.
func (w *overriding) note(ctx context.Context) error {
	if w.published == nil {
		return nil
	}
	head := by(ctx, w.published.Changes(w.origin, w.now, w.published.AsOf(w.now)))
	return feed.Write(w.tx, feed.NewID(w.now), head, w.program, slices.Collect(maps.Values(w.changes)))
}

// overriding commits what fn changes of the overrides of a model.
func (i *Intake) overriding(ctx context.Context, model string, fn func(*overriding) error) error {
	return i.Commit(ctx, func(tx storage.Tx) error {
		view, err := i.store.View(ctx)
		if err != nil {
			return err
		}
		defer view.Close()
		w, err := i.newOverriding(ctx, tx, view, model)
		if err != nil {
			return err
		}
		if err := fn(w); err != nil {
			return err
		}
		return w.note(ctx)
	})
}

// newOverriding returns what changes the overrides of a model as the Tx sees it. Names are those of the published version or, where there is none, of
// the active or the newest one. MODEL_NOT_FOUND.
func (i *Intake) newOverriding(ctx context.Context, tx storage.Tx, view storage.Reader, model string) (*overriding, error) {
	head, err := catalog.Head(tx, model)
	if err != nil {
		return nil, err
	}
	w := &overriding{intake: i, tx: tx, view: view, model: model, who: feed.WhoIn(ctx), origin: echelonv1.AssignmentChange_OVERRIDDEN, now: i.now(), changes: make(map[string]feed.Pair)}
	current, err := catalog.Current(tx, model)
	switch {
	case fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED):
		w.program, err = i.catalog.Program(tx, model, cmp.Or(head.GetActiveVersion(), head.GetLatestVersion()))
		return w, err
	case err != nil:
		return nil, err
	}
	if w.published, err = i.catalog.Published(tx, model, current); err != nil {
		return nil, err
	}
	w.program = w.published.Scorer.Program()
	return w, nil
}

// reviewed is what whoever sets an override in the review of a run sees of it.
type reviewed struct {
	run      string
	computed *string
}

// set sets an override; reviewed is nil where that is not done in the review of a run that is not published.
func (w *overriding) set(o *echelonv1.Override, etag *string, in *reviewed) (*echelonv1.Override, error) {
	if err := w.check(o); err != nil {
		return nil, err
	}
	kept, err := snapshot.ReadOverrides(w.tx, w.model, o.GetCustomerId())
	if err != nil {
		return nil, err
	}
	if kept == nil {
		kept = &storagev1.Overrides{}
	}
	place, found := placeOfOverride(kept, o.GetItem())
	var before *echelonv1.Override
	if found && !snapshot.Expired(kept.GetOverrides()[place], w.now) {
		before = kept.GetOverrides()[place]
	}
	if etag != nil && *etag != before.GetEtag() {
		return nil, errOverrideChanged(before)
	}
	set := &echelonv1.Override{
		Model: w.model, CustomerId: o.GetCustomerId(), Item: o.GetItem(), Pinned: o.GetPinned(), Reason: o.GetReason(), ExpireTime: o.GetExpireTime(),
		Actor: w.who.Actor, OnBehalfOf: w.who.OnBehalfOf, CreateTime: timestamppb.New(w.now), Etag: rand.Text(),
	}
	if in != nil {
		set.ReviewedRunId, set.ComputedInReview = in.run, in.computed
	}
	if found {
		kept.Overrides[place] = set
	} else {
		kept.Overrides = slices.Insert(kept.Overrides, place, set)
	}
	if err := w.put(o.GetCustomerId(), kept); err != nil {
		return nil, err
	}
	set = proto.CloneOf(set)
	set.Computed = set.ComputedWhenSet
	return set, nil
}

// placeOfOverride returns the place of an item's override among those of a customer, which are sorted, and whether there is one.
func placeOfOverride(kept *storagev1.Overrides, item string) (int, bool) {
	return slices.BinarySearchFunc(kept.GetOverrides(), item, func(o *echelonv1.Override, name string) int { return cmp.Compare(o.GetItem(), name) })
}

// check returns what is wrong with an override. INVALID_REQUEST, CUSTOMER_NOT_FOUND.
func (w *overriding) check(o *echelonv1.Override) error {
	if err := w.checkNames(o); err != nil {
		return err
	}
	if expires := o.GetExpireTime(); expires != nil {
		if err := expires.CheckValid(); err != nil {
			return invalidOverride("override.expire_time", "expire_time is no instant: its nanos lie outside 0 to 999999999, or it lies outside the years 0001 to 9999")
		}
		if !expires.AsTime().After(w.now) {
			return invalidOverride("override.expire_time", "expire_time "+expires.AsTime().Format(time.RFC3339)+" does not lie in the future: give a later one, or none")
		}
	}
	_, err := w.tx.CustomerVersion(o.GetCustomerId())
	if errors.Is(err, storage.ErrNotFound) {
		return fault.New(echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, "there is no customer %q: store it first", o.GetCustomerId())
	}
	return err
}

// checkNames returns what is wrong with the names of an override. INVALID_REQUEST.
func (w *overriding) checkNames(o *echelonv1.Override) error {
	items := snapshot.Items(w.program)
	place := slices.Index(items, o.GetItem())
	if place < 0 {
		return errUnknownName("override.item", "tiering, or segmentation after \"segments.\", or role after \"reps.\",", o.GetItem(), items)
	}
	if _, of := snapshot.RoleOf(o.GetItem()); of {
		return checkRep(o.GetPinned())
	}
	if names := snapshot.NamesOf(w.program, place); !slices.Contains(names, o.GetPinned()) {
		what := "tier or persona of " + o.GetItem()
		if segmentation, of := snapshot.SegmentationOf(o.GetItem()); of {
			what = "segment of " + segmentation
		}
		return errUnknownName("override.pinned", what, o.GetPinned(), names)
	}
	return nil
}

// checkRep returns what is wrong with the name of a rep.
func checkRep(rep string) error {
	switch {
	case strings.ContainsFunc(rep, unicode.IsControl):
		return invalidOverride("override.pinned", "the rep "+frame.Quote(rep)+" has control characters: write a name or an id on one line")
	case strings.TrimSpace(rep) != rep:
		return invalidOverride("override.pinned", "the rep "+frame.Quote(rep)+" has spaces around it, so that it would be another one than without: leave them out")
	}
	return nil
}

func errUnknownName(field, what, name string, names []string) error {
	hint := diag.DidYouMean(name, names)
	if hint == "" {
		hint = "show the model to see its names"
	}
	f := fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the model has no %s %q: %s", what, name, hint)
	f.Violations = []fault.Violation{{Field: field, Description: f.Message}}
	return f
}

func invalidOverride(field, message string) error {
	f := fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "%s", message)
	f.Violations = []fault.Violation{{Field: field, Description: message}}
	return f
}

// put stores a customer's overrides and, where the model is published, its assignment under them.
func (w *overriding) put(id string, kept *storagev1.Overrides) error {
	if marker, err := snapshot.ReadOverrides(w.tx, w.model, ""); err != nil {
		return err
	} else if marker == nil {
		if err := w.tx.PutDocument(storage.KindOverride, storage.OverrideKey(w.model, ""), &storagev1.Overrides{}); err != nil {
			return err
		}
	}
	// What is computed is asked for under the overrides as they are stored, and then stored with them.
	if err := w.tx.PutDocument(storage.KindOverride, storage.OverrideKey(w.model, id), kept); err != nil {
		return err
	}
	result, err := w.assign(id)
	if err != nil || result == nil {
		return err
	}
	for _, o := range kept.GetOverrides() {
		if o.GetCreateTime().AsTime().Equal(w.now) && o.ComputedWhenSet == nil {
			o.ComputedWhenSet = computedOf(result, 0, o.GetItem())
		}
	}
	return w.tx.PutDocument(storage.KindOverride, storage.OverrideKey(w.model, id), kept)
}

// computedOf returns what is computed of an item for a customer of a result; nil where that is nothing.
func computedOf(r *engine.Result, row int, item string) *string {
	place := slices.Index(snapshot.Items(r.Program), item)
	if place < 0 {
		return nil
	}
	return snapshot.Computed(r, place, row)
}

// assign evaluates a stored customer under what is published, with its overrides as the Tx has them, and puts what comes out into the overlay; nil
// where nothing is published, or the model refuses the customer.
func (w *overriding) assign(id string) (*engine.Result, error) {
	if w.published == nil {
		return nil, nil
	}
	// The view is newer than the Tx: since that reads the customer, who writes it meanwhile makes it try again.
	if _, err := w.tx.CustomerVersion(id); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	batch, err := w.view.Customer(id, w.program.Schema())
	if errors.Is(err, storage.ErrNotFound) || err == nil && len(batch.Errors) > 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	asOf := w.published.AsOf(w.now)
	result, err := Evaluate(w.intake.catalog, w.tx, w.view, w.published, batch.Frame, engine.Options{AsOf: asOf, Reasons: true, Amounts: true, Observe: w.intake.observe(w.model)})
	if err != nil {
		return nil, err
	}
	if err := w.changed(id, batch.Versions[0], result); err != nil {
		return nil, err
	}
	return result, w.tx.PutOverlayRow(w.published.Overlay, snapshot.EncodeRows(result, asOf)[0])
}

// changed keeps what a customer was assigned before the commit, and what it is now.
func (w *overriding) changed(id string, version storage.Commit, result *engine.Result) (err error) {
	pair, again := w.changes[id]
	if !again {
		if w.before == nil {
			w.before, err = w.intake.before(w.view, w.published)
		}
		if err != nil {
			return err
		}
		row, found, err := w.before.RowAt(id, version)
		if err != nil {
			return err
		}
		if pair.ID = id; found {
			pair.Before = &row
		}
	}
	pair.After = &snapshot.Row{Result: result}
	w.changes[id] = pair
	return nil
}
