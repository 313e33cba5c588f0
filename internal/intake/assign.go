package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// outcome is what one publication makes of the customers of a Put.
type outcome struct {
	published *catalog.Published
	result    *engine.Result
	asOf      time.Time
	rows      []*storagev1.OverlayRow
	// changes are what differs from the assignments before, and head says what made them.
	changes []feed.Pair
	head    *storagev1.ChangeBatch
}

// assign evaluates the customers under what is published as the Tx sees it. The Tx has read it, so that a publication meanwhile makes it try again.
func (i *Intake) assign(ctx context.Context, tx storage.Tx, put Put, written *Written) error {
	published, err := i.assigning(tx, put.Assign.Models)
	if err != nil {
		return err
	}
	schema, err := storage.ReadSchema(tx)
	if err != nil {
		return err
	}
	written.Stored = written.admit(schema, put.Customers, published)
	if written.Stored.Len() == 0 {
		return nil
	}
	versions, err := versionsOf(tx, written.Stored.IDs)
	if err != nil {
		return err
	}
	view, err := i.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	for _, p := range published {
		o := outcome{published: p, asOf: p.AsOf(written.At)}
		customers := read(schema, written.Stored, p.Scorer.Program().Schema())
		if o.result, err = Evaluate(i.catalog, tx, view, p, customers, engine.Options{AsOf: o.asOf, Reasons: true, Amounts: true, Observe: i.observe(p.Model())}); err != nil {
			return err
		}
		o.rows = snapshot.EncodeRows(o.result, o.asOf)
		o.head = by(ctx, p.Changes(echelonv1.AssignmentChange_WRITTEN, written.At, o.asOf))
		if o.changes, err = i.changes(view, p, o.result, versions); err != nil {
			return err
		}
		written.outcomes = append(written.outcomes, o)
		written.Assigned += int64(len(o.rows))
	}
	return nil
}

// versionsOf returns the commits at which customers were written, 0 of those that are not stored. Their assignments before, and what depends on them, are
// read in a view that is newer than the Tx: since that has read the customers, who is written or pinned meanwhile makes it try again.
func versionsOf(tx storage.Tx, ids []string) ([]storage.Commit, error) {
	versions := make([]storage.Commit, len(ids))
	for k, id := range ids {
		version, err := tx.CustomerVersion(id)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			versions[k] = version
		}
	}
	return versions, nil
}

// changes returns the assignments of customers before and after an evaluation, ascending by id.
func (i *Intake) changes(view storage.Reader, p *catalog.Published, after *engine.Result, versions []storage.Commit) ([]feed.Pair, error) {
	before, err := i.before(view, p)
	if err != nil {
		return nil, err
	}
	order := make([]int, after.Len())
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(after.IDs[a], after.IDs[b]) })
	pairs := make([]feed.Pair, 0, len(order))
	for _, k := range order {
		pair := feed.Pair{ID: after.IDs[k], After: &snapshot.Row{Result: after, Index: k}}
		if versions[k] > 0 {
			row, found, err := before.RowAt(pair.ID, versions[k])
			if err != nil {
				return nil, err
			}
			if found {
				pair.Before = &row
			}
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// observe returns who hears that customers are evaluated under a model.
func (i *Intake) observe(model string) func(customers int) (ended func()) {
	if i.evaluating == nil {
		return nil
	}
	return func(customers int) func() { return i.evaluating(model, customers) }
}

// Evaluate evaluates customers under a publication as online writes do, in a view of the store. The frame has the fields of the model, which
// refuses none of its rows. The options say as of when; what the customers depend on beside themselves is added to them. Overrides are read in
// documents, which are those of the view or of an Update that writes what comes out.
func Evaluate(c *catalog.Catalog, documents storage.Documents, view storage.Reader, p *catalog.Published, customers *frame.Frame,
	options engine.Options) (result *engine.Result, err error) {
	if err := snapshot.Context(c, view, p.Scorer.Program(), p.RunID(), customers, &options); err != nil {
		return nil, err
	}
	if options.Overrides, err = snapshot.OverridesOf(documents, p.Model(), customers.IDs, options.AsOf); err != nil {
		return nil, err
	}
	options.Criteria = true
	return p.Scorer.Evaluate(customers, options), nil
}

// assigning returns the publications of the models, by name; of all models where none is named.
func (i *Intake) assigning(documents storage.Documents, models []string) ([]*catalog.Published, error) {
	current, err := Publications(documents, models)
	if err != nil {
		return nil, err
	}
	published := make([]*catalog.Published, len(current))
	for k, one := range current {
		if published[k], err = i.catalog.Published(documents, one.Model, one.Current); err != nil {
			return nil, err
		}
	}
	return published, nil
}

// Publication is what is published of a model.
type Publication struct {
	Model   string
	Current *storagev1.Current
}

// Publications returns what is published of models, by name; of all that are published where none is named. MODEL_NOT_FOUND, NOTHING_PUBLISHED.
func Publications(documents storage.Documents, models []string) ([]Publication, error) {
	if len(models) > 0 {
		return named(documents, slices.Compact(slices.Sorted(slices.Values(models))))
	}
	var all []Publication
	for document, err := range documents.Documents(storage.KindCurrent, storage.DocumentScan{}) {
		if err != nil {
			return nil, err
		}
		current := &storagev1.Current{}
		if err := document.Decode(current); err != nil {
			return nil, err
		}
		all = append(all, Publication{document.Key, current})
	}
	if len(all) == 0 {
		return nil, fault.New(echelonv1.ErrorReason_NOTHING_PUBLISHED,
			"no run of any model is published, so that nothing can assign customers: start a run and publish it, or store them without `assign`")
	}
	return all, nil
}

func named(documents storage.Documents, models []string) ([]Publication, error) {
	all := make([]Publication, len(models))
	for k, model := range models {
		if _, err := catalog.Head(documents, model); err != nil {
			return nil, err
		}
		current, err := catalog.Current(documents, model)
		if err != nil {
			return nil, err
		}
		all[k] = Publication{model, current}
	}
	return all, nil
}

// admit returns the customers that no model refuses, and notes the others.
func (w *Written) admit(schema *storagev1.Schema, customers *frame.Frame, published []*catalog.Published) *frame.Frame {
	refused := make(map[int]bool)
	for _, p := range published {
		rules := frame.NewBuilder(rulesOf(p.Scorer.Program().Schema()))
		if rules.Schema().Len() == 0 {
			continue
		}
		ruled := read(schema, customers, rules.Schema())
		for row := range customers.Len() {
			if refused[row] {
				continue
			}
			if found := rules.AddCustomer(ruled.Customer(row), true); found != nil {
				refused[row] = true
				found.Index = int64(row)
				found.Message = fmt.Sprintf("the model %q refuses it: %s", p.Model(), found.GetMessage())
				w.Refused = append(w.Refused, found)
			}
		}
	}
	if len(refused) == 0 {
		return customers
	}
	slices.SortFunc(w.Refused, func(a, b *echelonv1.RowError) int { return int(a.GetIndex() - b.GetIndex()) })
	left := frame.NewBuilder(customers.Schema)
	for row := range customers.Len() {
		if !refused[row] {
			left.AddCustomer(customers.Customer(row), false) // it was admitted before
		}
	}
	return left.Take()
}

// rulesOf returns the fields of a model that not every value, or not every absence, obeys.
func rulesOf(schema *frame.Schema) *frame.Schema {
	var fields []frame.Field
	for k := range schema.Len() {
		if field := schema.Field(k); field.Required || len(field.Values) > 0 {
			fields = append(fields, field)
		}
	}
	return frame.NewSchema(fields...)
}

// putRows stores the rows of all outcomes, and what they change. Of two rows of one customer the later stands, as of the customers themselves.
func (w *Written) putRows(tx storage.Tx) error {
	for _, o := range w.outcomes {
		for _, row := range o.rows {
			if err := tx.PutOverlayRow(o.published.Overlay, row); err != nil {
				return err
			}
		}
		if err := feed.Write(tx, feed.NewID(w.At), o.head, o.published.Scorer.Program(), o.changes); err != nil {
			return err
		}
	}
	return nil
}

// Assignments returns the new assignments of a customer that was stored, by the model's name.
func (w *Written) Assignments(row int) []*echelonv1.Assignment {
	all := make([]*echelonv1.Assignment, len(w.outcomes))
	for k, o := range w.outcomes {
		all[k] = o.result.Assignment(row)
		all[k].Provenance = o.published.Provenance(o.asOf)
	}
	return all
}
