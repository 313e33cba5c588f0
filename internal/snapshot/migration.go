package snapshot

import (
	"errors"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/compare"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// OpenRun opens the snapshot of a run, as the run left it, of whatever model it is. RUN_NOT_FOUND, RUN_STATE, SNAPSHOT_REMOVED.
func OpenRun(c *catalog.Catalog, view storage.Reader, id string) (*Reader, error) {
	run := &echelonv1.Run{}
	err := view.Document(storage.KindRun, id, run)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_RUN_NOT_FOUND, "there is no run %q: list the runs", id)
	}
	if err != nil {
		return nil, err
	}
	return open(c, view, run.GetModel(), id, "")
}

// Migration compares where two runs, or publications, have their customers in a tiering.
type Migration struct {
	catalog  *catalog.Catalog
	from, to station
	tiering  string
}

// station is one of the two.
type station struct {
	*Reader
	// tiering is its place in the model.
	tiering int
	compare.Side
}

// NewMigration compares a tiering that both models have; with an empty name the one of `to` that drives coverage, or its first that both have.
// INVALID_REQUEST where there is none.
func NewMigration(c *catalog.Catalog, from, to *Reader, tiering string) (*Migration, error) {
	has, wants := tieringsOf(from), tieringsOf(to)
	if tiering == "" {
		common := slices.DeleteFunc(slices.Clone(wants), func(name string) bool { return !slices.Contains(has, name) })
		if len(common) == 0 {
			return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST,
				"the models of the two runs have no tiering in common: %q version %d has %s, and %q version %d has %s: compare runs of models that name a tiering alike",
				from.run.GetModel(), from.run.GetModelVersion(), listed(has), to.run.GetModel(), to.run.GetModelVersion(), listed(wants))
		}
		tiering = common[0]
		if driving := wants[to.program.Driving()]; slices.Contains(common, driving) {
			tiering = driving
		}
	}
	m := &Migration{catalog: c, tiering: tiering}
	var err error
	if m.from, err = newStation(from, tiering, has); err != nil {
		return nil, err
	}
	m.to, err = newStation(to, tiering, wants)
	return m, err
}

// Tiering returns the name of the tiering that is compared.
func (m *Migration) Tiering() string { return m.tiering }

func tieringsOf(r *Reader) (names []string) {
	for _, t := range r.program.Model().GetTierings() {
		names = append(names, t.GetName())
	}
	return names
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func newStation(r *Reader, tiering string, has []string) (station, error) {
	at := slices.Index(has, tiering)
	if at < 0 {
		hint := diag.DidYouMean(tiering, has)
		if hint == "" {
			hint = "it has " + listed(has)
		}
		return station{}, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the model %q of the run %q has no tiering %q in its version %d: %s",
			r.run.GetModel(), r.run.GetId(), tiering, r.run.GetModelVersion(), hint)
	}
	return station{Reader: r, tiering: at, Side: r.program.Side(at, tiering)}, nil
}

// The places of a station come behind its tiers: no tier, left out, not there.
const (
	unscored = iota
	left
	absent
	others // how many these are
)

// place returns where a cell is; one of nobody is absent.
func (s *station) place(cell Cell) int {
	if cell.Outcomes == nil {
		return len(s.Tiers) + absent
	}
	if cell.Leaves(cell.Row) {
		return len(s.Tiers) + left
	}
	if code := cell.TierCodes(s.tiering)[cell.Row]; code > 0 {
		return int(code) - 1
	}
	return len(s.Tiers) + unscored
}

// told returns a place as it goes over the wire.
func (s *station) told(place int) *echelonv1.MigrationPlace {
	switch place - len(s.Tiers) {
	case unscored:
		return &echelonv1.MigrationPlace{Kind: echelonv1.MigrationPlace_UNSCORED}
	case left:
		return &echelonv1.MigrationPlace{Kind: echelonv1.MigrationPlace_EXCLUDED}
	case absent:
		return &echelonv1.MigrationPlace{Kind: echelonv1.MigrationPlace_ABSENT}
	}
	return &echelonv1.MigrationPlace{Kind: echelonv1.MigrationPlace_TIER, Tier: s.Tiers[place]}
}

// direction returns how a place of `to` ranks by one of `from`. A tier that both models have ranks as it does in `to`, since there they can be compared.
func (m *Migration) direction(from, to int) echelonv1.Mover_Direction {
	if from >= len(m.from.Tiers) || to >= len(m.to.Tiers) {
		return echelonv1.Mover_OTHER
	}
	before, now := m.from.Ranks[from], m.to.Ranks[to]
	if at := slices.Index(m.to.Tiers, m.from.Tiers[from]); at >= 0 {
		before = m.to.Ranks[at]
	}
	switch {
	case now < before:
		return echelonv1.Mover_PROMOTED
	case now > before:
		return echelonv1.Mover_DEMOTED
	}
	return echelonv1.Mover_OTHER
}

// same reports whether both places are one.
func (m *Migration) same(from, to int) bool {
	if from < len(m.from.Tiers) && to < len(m.to.Tiers) {
		return m.from.Tiers[from] == m.to.Tiers[to]
	}
	return from-len(m.from.Tiers) == to-len(m.to.Tiers) && from >= len(m.from.Tiers)
}

// mover tells a customer that moved.
func (m *Migration) mover(t traveller) (*echelonv1.Mover, error) {
	mover := &echelonv1.Mover{
		CustomerId: t.id, Direction: m.direction(t.was, t.is), From: m.from.told(t.was), To: m.to.told(t.is), FromAmount: t.before, Amount: t.after,
	}
	from, err := t.from.whole()
	if err != nil {
		return nil, err
	}
	to, err := t.to.whole()
	if err != nil {
		return nil, err
	}
	mover.FromOutcome, mover.FromReasons = m.from.outcome(from)
	mover.ToOutcome, mover.ToReasons = m.to.outcome(to)
	return mover, nil
}

// outcome returns that of the tiering, and what explains it: not what is about other tierings or segments.
func (s *station) outcome(row *Row) (*echelonv1.TierOutcome, []*echelonv1.Reason) {
	assignment := row.Result.Assignment(row.Index)
	item := "tiers." + s.Name
	return assignment.GetTiers()[s.tiering], slices.DeleteFunc(slices.Clone(assignment.GetReasons()), func(r *echelonv1.Reason) bool {
		return r.GetItem() != item && (strings.HasPrefix(r.GetItem(), "tiers.") || strings.HasPrefix(r.GetItem(), "segments."))
	})
}
