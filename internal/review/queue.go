package review

import (
	"slices"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Queue is what people ought to look at of a run or a publication, within a view of the store. It is used by one goroutine.
type Queue struct {
	catalog *catalog.Catalog
	view    storage.Reader
	reader  *snapshot.Reader
	// base is what moves are from; nil where that is not there.
	base   *snapshot.Reader
	scorer *engine.Scorer
	items  []*item
	limits Thresholds
	now    time.Time
}

// item is what is decided on of each customer: a tiering, a segmentation or a role.
type item struct {
	// name is as overrides have it, and place that in snapshot.Items.
	name  string
	place int
	// tiering is its place in the model; none for whatever else.
	tiering int
	names   []string
	// scores are the places of what a tiering reads, and from that of the tiering in the base's model; none where that has none.
	scores []int
	from   int
	// moves has, for each tier of the base's model and each of this one, what it is to come from there to here.
	moves [][]move
}

// move is what it is to come from one tier to another.
type move struct {
	apart   int
	demoted bool
}

const none = -1

// Open opens the queue of a run, as the run left it; that of what is published where the run is empty or the published one. NOTHING_PUBLISHED,
// RUN_NOT_FOUND, RUN_STATE, SNAPSHOT_REMOVED.
func Open(c *catalog.Catalog, view storage.Reader, model, run string, limits Thresholds, now time.Time) (*Queue, error) {
	if run != "" {
		current, err := catalog.Current(view, model)
		switch {
		case err == nil && current.GetRunId() == run:
			run = ""
		case err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED):
			return nil, err
		}
	}
	reader, err := snapshot.Open(c, view, model, run)
	if err != nil {
		return nil, err
	}
	return newQueue(c, view, reader, limits, now)
}

// Reopen opens the queue that was opened before, of the run and with the overlay that it had. PUBLICATION_REPLACED.
func Reopen(c *catalog.Catalog, view storage.Reader, model, run, overlay string, limits Thresholds, now time.Time) (*Queue, error) {
	reader, err := snapshot.Reopen(c, view, model, run, overlay)
	if err != nil {
		return nil, err
	}
	return newQueue(c, view, reader, limits, now)
}

func newQueue(c *catalog.Catalog, view storage.Reader, reader *snapshot.Reader, limits Thresholds, now time.Time) (*Queue, error) {
	published, err := c.OfRun(view, reader.Run(), reader.Overlay())
	if err != nil {
		return nil, err
	}
	q := &Queue{catalog: c, view: view, reader: reader, scorer: published.Scorer, limits: limits, now: now}
	if q.base, err = openBase(c, view, reader.Run()); err != nil {
		return nil, err
	}
	p := reader.Program()
	for place, name := range snapshot.Items(p) {
		q.items = append(q.items, q.newItem(p, place, name))
	}
	return q, nil
}

// openBase opens what was published when a run was started: with what was evaluated since as long as it is published, else as its run left it. It is nil
// where there was nothing, or the snapshot is gone.
func openBase(c *catalog.Catalog, view storage.Reader, run *echelonv1.Run) (*snapshot.Reader, error) {
	if run.GetBaseRunId() == "" {
		return nil, nil
	}
	current, err := catalog.Current(view, run.GetModel())
	if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return nil, err
	}
	id := run.GetBaseRunId()
	if current.GetRunId() == id {
		id = ""
	}
	base, err := snapshot.Open(c, view, run.GetModel(), id)
	if fault.Is(err, echelonv1.ErrorReason_SNAPSHOT_REMOVED) || fault.Is(err, echelonv1.ErrorReason_RUN_NOT_FOUND) {
		return nil, nil
	}
	return base, err
}

func (q *Queue) newItem(p *engine.Program, place int, name string) *item {
	it := &item{name: name, place: place, tiering: place, from: none, names: snapshot.NamesOf(p, place)}
	if place >= len(p.Model().GetTierings()) {
		it.tiering = none
		return it
	}
	it.scores = p.ScoresOf(place)
	if q.base == nil {
		return it
	}
	before := q.base.Program()
	it.from = slices.IndexFunc(before.Model().GetTierings(), func(t *echelonv1.Tiering) bool { return t.GetName() == name })
	if it.from == none {
		return it
	}
	ranks := p.Side(place, name).Ranks
	for _, was := range before.TierNames(it.from) {
		row, from := make([]move, len(it.names)), slices.Index(it.names, was)
		for to := range row {
			if from == none || from == to {
				continue // a tier that the model does not have any more is no move of the customer's
			}
			row[to].apart = p.Apart(place, from, to)
			row[to].demoted = ranks[to] > ranks[from] && row[to].apart > 0
		}
		it.moves = append(it.moves, row)
	}
	return it
}

// Reader returns what is looked at.
func (q *Queue) Reader() *snapshot.Reader { return q.reader }

// BaseRunID returns the run that moves are from; empty where there is none.
func (q *Queue) BaseRunID() string {
	if q.base == nil {
		return ""
	}
	return q.base.Run().GetId()
}

// Amount returns what amounts are, empty where the model has none.
func (q *Queue) Amount() string { return q.reader.Program().Model().GetAmount() }

// item returns an item by its name; with an empty one the tiering that drives coverage. INVALID_REQUEST.
func (q *Queue) item(field, name string) (*item, error) {
	if driving := q.reader.Program().Driving(); name == "" && driving >= 0 {
		return q.items[driving], nil
	}
	var names []string
	for _, it := range q.items {
		if it.name == name {
			return it, nil
		}
		names = append(names, it.name)
	}
	hint := diag.DidYouMean(name, names)
	if hint == "" {
		hint = "show the model to see its names"
	}
	f := fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the model has no tiering, or segmentation after \"segments.\", or role after \"reps.\", %q: %s", name, hint)
	f.Violations = []fault.Violation{{Field: field, Description: f.Message}}
	return nil, f
}

// Thresholds is what counts as worth looking at.
type Thresholds struct {
	Borderline, Completeness float64
	LargeMove, Top           int
	Expiring                 time.Duration
}

// ThresholdsOf returns those of a request, with the defaults of what it does not have.
func ThresholdsOf(t *echelonv1.ReviewThresholds) Thresholds {
	if t == nil {
		t = &echelonv1.ReviewThresholds{}
	}
	return Thresholds{
		Borderline: or(t.BorderlinePoints, 2), Completeness: or(t.MinCompleteness, 0.8), LargeMove: int(or(t.LargeMove, 2)), Top: int(or(t.TopCustomers, 100)),
		Expiring: time.Duration(or(t.ExpiringDays, 30)) * 24 * time.Hour,
	}
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
