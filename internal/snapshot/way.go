package snapshot

import (
	"slices"
	"strings"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Way is a stored customer's way from where one run, or publication, had it to where another one has it.
type Way struct {
	// ID is the customer's id, Group its value of the attribute by which customers are grouped; empty where it is missing.
	ID, Group string

	causes *Causes
	// from and to are what both have of the customer; nil where one does not have it, or had another one of that id, who was deleted since.
	from, to *Row
	// trip evaluated the customer, at a row; nil where it could not be.
	trip *trip
	at   int
	// kept tells whether the customer is what it was when from evaluated it, as far as from's model looks at it; known likewise of to.
	kept, known bool
}

// trip is some customers evaluated anew, as they are now, following from.
type trip struct {
	fromAt, toAt time.Time
	before, now  *frame.Frame // as the models of from and to read them
	// then is by from, data by from as of to's instant, and again by to. Then is nil where it needs not be known.
	then, data, again *engine.Result
}

// ways returns the ways of customers, of whom all are stored.
func (c *Causes) ways(customers *frame.Frame, versions []storage.Commit) ([]*Way, error) {
	all := make([]*Way, 0, customers.Len())
	together := make(map[[2]int64][]int) // who was evaluated as of the same instants
	for i, id := range customers.IDs {
		w := &Way{ID: id, causes: c}
		var err error
		if w.from, err = c.from.of(id, versions[i]); err != nil {
			return nil, err
		}
		if w.to, err = c.to.of(id, versions[i]); err != nil {
			return nil, err
		}
		if c.group != none && customers.Columns[c.group].Valid.Get(i) {
			column := &customers.Columns[c.group]
			w.Group = groupOf(column.Dict[column.Codes[i]])
		}
		if all = append(all, w); w.from == nil || w.to == nil || c.retired {
			continue
		}
		instants := [2]int64{c.from.asOf(w.from).UnixMicro(), c.to.asOf(w.to).UnixMicro()}
		together[instants] = append(together[instants], i)
	}
	for instants, rows := range together {
		if err := c.travel(customers, all, rows, time.UnixMicro(instants[0]).UTC(), time.UnixMicro(instants[1]).UTC()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// maxGroup is how many bytes of a value name its group: a text can be as long as a page, and a preview has thousands of groups and movers.
const maxGroup = 256

// groupOf returns the group of customers with a value.
func groupOf(value string) string {
	if len(value) <= maxGroup {
		return value
	}
	return strings.ToValidUTF8(value[:maxGroup], "") + "…"
}

// of returns what the side has of a customer that was written at a commit; nil where it has nothing.
func (s *side) of(id string, version storage.Commit) (*Row, error) {
	row, found, err := s.RowAt(id, version)
	if err != nil || !found {
		return nil, err
	}
	return &row, nil
}

// asOf returns the instant as of which the side evaluated a customer.
func (s *side) asOf(row *Row) time.Time {
	if row.AsOf != nil {
		return row.AsOf.AsTime()
	}
	return s.run.GetAsOf().AsTime()
}

// travel evaluates the customers of some rows, who were evaluated as of the same instants.
func (c *Causes) travel(customers *frame.Frame, ways []*Way, rows []int, fromAt, toAt time.Time) error {
	wanted := frame.NewBitmap(customers.Len())
	before, after := c.from.previous.none(len(rows)), c.to.previous.none(len(rows))
	written := false
	for at, row := range rows {
		wanted.Set(row, true)
		c.from.previous.copy(before, at, *ways[row].from)
		c.to.previous.copy(after, at, *ways[row].from)
		written = written || ways[row].from.Stale
	}
	some := customers.Select(wanted)
	t := &trip{fromAt: fromAt, toAt: toAt, before: c.from.read(some), now: c.to.read(some)}
	var err error
	if written {
		if t.then, err = c.from.evaluate(t.before, fromAt, before); err != nil {
			return err
		}
	}
	if t.data, err = c.from.evaluate(t.before, toAt, before); err != nil {
		return err
	}
	if t.again, err = c.to.evaluate(t.now, toAt, after); err != nil {
		return err
	}
	for at, row := range rows {
		w := ways[row]
		w.trip, w.at = t, at
		w.kept = !w.from.Stale || w.from.Result.ComputesLike(w.from.Index, t.then, at)
		w.known = !w.to.Stale || w.to.Result.ComputesLike(w.to.Index, t.again, at)
	}
	return nil
}

// read returns customers as the side's model reads them.
func (s *side) read(customers *frame.Frame) *frame.Frame {
	return customers.Project(s.program.Schema(), s.places)
}

// evaluate evaluates customers by the side, following what was in force.
func (s *side) evaluate(customers *frame.Frame, asOf time.Time, before Before) (_ *engine.Result, err error) {
	options, err := s.options(customers, asOf)
	if err != nil {
		return nil, err
	}
	before.To(&options)
	return s.scorer.Evaluate(customers, options), nil
}

func (s *side) options(customers *frame.Frame, asOf time.Time) (options engine.Options, err error) {
	options.AsOf = asOf
	if s.program.NeedsFamilies() {
		options.Families, err = Families(s.view, s.program, s.run.GetId(), customers)
	}
	return options, err
}

// tiering returns the place of a tiering in the side's model; none where it has none of that name.
func (s *side) tiering(name string) int {
	return slices.IndexFunc(s.program.Model().GetTierings(), func(t *echelonv1.Tiering) bool { return t.GetName() == name })
}

// Journey returns how the customer came from one tier of a tiering, which both models have, to the other.
func (w *Way) Journey(tiering string) *engine.Journey {
	c := w.causes
	from, to := c.from.tiering(tiering), c.to.tiering(tiering)
	j := &engine.Journey{Last: c.last, Retired: c.retired}
	if w.from != nil {
		j.From = w.from.Result.Stand(from, w.from.Index)
	}
	if w.to != nil {
		j.To = w.to.Result.Stand(to, w.to.Index)
	}
	if w.trip == nil {
		return j
	}
	stand := func(of *engine.Result, tiering int) *engine.Stand {
		if of == nil {
			return nil
		}
		s := of.Stand(tiering, w.at)
		return &s
	}
	j.Instant = w.trip.fromAt.Equal(w.trip.toAt)
	if !w.known {
		return j
	}
	j.Data, j.Again = stand(w.trip.data, from), stand(w.trip.again, to)
	if w.kept {
		j.Time = j.Data // it is the same data
	} else {
		j.Then = stand(w.trip.then, from)
	}
	return j
}

// Converts reports whether the later model converts amounts by the rates of its calibration.
func (w *Way) Converts() bool { return w.causes.to.program.Converts() }
