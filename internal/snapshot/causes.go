package snapshot

import (
	"context"
	"errors"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Causes tells why customers stand elsewhere in one run, or publication, than in another. What they were is not kept: who was not written since is what
// it was, and who was is evaluated anew, and is what it was if the same comes out. It is used by one goroutine.
type Causes struct {
	view     storage.Reader
	from, to *side
	// schema is what both models read, by the names that attributes have now, without the models' rules, and group the place of the attribute by
	// which customers are grouped; none where there is none.
	schema *frame.Schema
	group  int
	// last is what the last step of a journey changes.
	last echelonv1.Move_Cause
	// retired tells that one of the models cannot be evaluated any more.
	retired bool
}

// side is one of the two.
type side struct {
	*Reader
	scorer *engine.Scorer
	// places are those of the model's attributes in the schema; none of one that the store does not know.
	places []int
	// previous tells what was in force by from.
	previous *Previous
}

// NewCauses begins to tell; groupBy names an attribute of texts by which customers are grouped, or is empty. INVALID_REQUEST.
func NewCauses(c *catalog.Catalog, view storage.Reader, from, to *Reader, groupBy string) (*Causes, error) {
	causes := &Causes{view: view, group: none, last: lastStep(from, to)}
	stored, err := storage.ReadSchema(view)
	if err != nil {
		return nil, err
	}
	by := storage.AttributesByName(stored)
	var fields []frame.Field
	if groupBy != "" {
		field, err := TextField(stored, groupBy)
		if err != nil {
			return nil, err
		}
		causes.group, fields = 0, append(fields, field)
	}
	if causes.from, err = causes.side(c, view, from); err != nil {
		return nil, err
	}
	if causes.to, err = causes.side(c, view, to); err != nil {
		return nil, err
	}
	for _, s := range []*side{causes.from, causes.to} {
		s.previous = previousBy(causes.from.Reader, s.program)
		fields = s.place(fields, by)
	}
	causes.schema = frame.NewSchema(fields...)
	return causes, nil
}

// lastStep returns what the last step from one to another changes: the model, the lines of the population, or nothing.
func lastStep(from, to *Reader) echelonv1.Move_Cause {
	switch {
	case from.program.Fingerprint() != to.program.Fingerprint():
		return echelonv1.Move_MODEL
	case from.run.GetId() != to.run.GetId() && (to.program.NeedsCalibration() || to.program.NeedsFamilies()):
		return echelonv1.Move_POPULATION
	}
	return echelonv1.Move_UNSPECIFIED
}

// TextField returns the field of an attribute of texts, by which customers can be grouped. INVALID_REQUEST.
func TextField(schema *storagev1.Schema, name string) (frame.Field, error) {
	attribute := storage.AttributesByName(schema)[name]
	return frame.Field{Name: attribute.GetName(), Type: echelonv1.Attribute_STRING}, checkGroup(schema, attribute, name)
}

func checkGroup(schema *storagev1.Schema, attribute *storagev1.SchemaAttribute, name string) error {
	if attribute != nil && attribute.GetType() == echelonv1.Attribute_STRING && !attribute.GetRetired() {
		return nil
	}
	var texts []string
	for _, one := range schema.GetAttributes() {
		if one.GetType() == echelonv1.Attribute_STRING && !one.GetRetired() {
			texts = append(texts, one.GetName())
		}
	}
	what := "there is no such attribute"
	switch {
	case attribute.GetRetired():
		what = "it was retired"
	case attribute != nil:
		what = "it is a " + attribute.GetType().String()
	}
	hint := diag.DidYouMean(name, texts)
	if hint == "" {
		hint = "those are " + listed(texts)
	}
	return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "customers cannot be grouped by %s, %s: name an attribute of texts, %s", frame.Quote(name), what, hint)
}

// side prepares one of the two; where its model reads what was retired it has no scorer.
func (c *Causes) side(by *catalog.Catalog, view storage.Reader, r *Reader) (*side, error) {
	own := *r
	own.block = nil // it is looked at elsewhere
	s := &side{Reader: &own}
	var conflict *storage.SchemaConflictError
	err := by.CheckReadable(view, r.run.GetModel(), r.run.GetModelVersion())
	switch {
	case errors.As(err, &conflict):
		c.retired = true
		return s, nil
	case err != nil:
		return nil, err
	}
	published, err := by.OfRun(view, r.run, "")
	if err != nil {
		return nil, err
	}
	s.scorer = published.Scorer
	return s, nil
}

// place finds the attributes of the side's model among fields, and adds those that are missing there.
func (s *side) place(fields []frame.Field, by map[string]*storagev1.SchemaAttribute) []frame.Field {
	schema := s.program.Schema()
	for i := range schema.Len() {
		attribute := by[schema.Field(i).Name]
		if attribute == nil || attribute.GetRetired() {
			s.places = append(s.places, none)
			continue
		}
		at := slices.IndexFunc(fields, func(f frame.Field) bool { return f.Name == attribute.GetName() })
		if at < 0 {
			at, fields = len(fields), append(fields, frame.Field{Name: attribute.GetName(), Type: attribute.GetType()})
		}
		s.places = append(s.places, at)
	}
	return fields
}

// lookedUp is how many customers at most are looked up one by one; for more of them the customers are gone through, a thousand in a few milliseconds.
const lookedUp = 64

// Of returns the ways of customers, ascending by id and after an id, in their order; of those that are not stored there is none.
func (c *Causes) Of(ctx context.Context, after string, ids []string) ([]*Way, error) {
	if len(ids) <= lookedUp {
		return c.lookUp(ctx, ids)
	}
	var all []*Way
	for batch, err := range c.view.Customers(ctx, c.schema, storage.CustomerScan{After: after}) {
		if err != nil {
			return nil, err
		}
		var some []*Way
		if some, ids, err = c.pick(batch, ids); err != nil {
			return nil, err
		}
		if all = append(all, some...); len(ids) == 0 {
			break
		}
	}
	return all, nil
}

// lookUp is Of customer by customer.
func (c *Causes) lookUp(ctx context.Context, ids []string) (all []*Way, err error) {
	for _, id := range ids {
		batch, err := c.view.Customer(id, c.schema)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		ways, err := c.ways(batch.Frame, batch.Versions)
		if err != nil {
			return nil, err
		}
		all = append(all, ways...)
	}
	return all, nil
}

// pick returns the ways of the customers of a batch that are wanted, and who is wanted still.
func (c *Causes) pick(batch *storage.CustomerBatch, ids []string) ([]*Way, []string, error) {
	rows := frame.NewBitmap(batch.Frame.Len())
	var versions []storage.Commit
	for row, id := range batch.Frame.IDs {
		for len(ids) > 0 && ids[0] < id {
			ids = ids[1:]
		}
		if len(ids) > 0 && ids[0] == id {
			rows.Set(row, true)
			versions = append(versions, batch.Versions[row])
		}
	}
	for len(ids) > 0 && ids[0] <= batch.Last {
		ids = ids[1:]
	}
	if len(versions) == 0 {
		return nil, ids, nil
	}
	ways, err := c.ways(batch.Frame.Select(rows), versions)
	return ways, ids, err
}
