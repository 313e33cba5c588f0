package briefing

import (
	"slices"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Movement is who moved between two runs, in one tiering.
type Movement struct {
	Tiering string `json:"tiering"`
	// From and To are the places that rows and columns of Cells are; the tiers come first.
	From  []string `json:"from"`
	To    []string `json:"to"`
	Cells [][]Cell `json:"cells"`
	// Both is how many customers both runs have: those who Stayed, Promoted, Demoted and Other together.
	Both      int64 `json:"both"`
	Stayed    int64 `json:"stayed"`
	Promoted  int64 `json:"promoted"`
	Demoted   int64 `json:"demoted"`
	Other     int64 `json:"other"`
	Newcomers int64 `json:"newcomers"`
	Leavers   int64 `json:"leavers"`
	// Deleted is how many of all are not stored any more, and have no amount.
	Deleted int64 `json:"deleted"`
	// Causes say why customers moved, the most first; they have all who are stored still.
	Causes []Cause `json:"causes,omitempty"`
	// Owners are the movers by who looks after them, the largest amount first; empty where no such attribute was asked for.
	Owners []Owner `json:"owners,omitempty"`
	// Demotions and Promotions are the movers with the largest amounts.
	Demotions  Movers `json:"demotions"`
	Promotions Movers `json:"promotions"`
}

// Cause is why customers moved.
type Cause struct {
	// Cause is the name of a Move.Cause, and Words what it means.
	Cause     string  `json:"cause"`
	Words     string  `json:"words"`
	Customers int64   `json:"customers"`
	Promoted  int64   `json:"promoted"`
	Demoted   int64   `json:"demoted"`
	Amount    float64 `json:"amount"`
	// Uncertain is how many may have another cause as well.
	Uncertain int64 `json:"uncertain,omitempty"`
}

// Owner is the movers of who looks after them.
type Owner struct {
	// Owner is a value of the attribute; empty where it is missing, and where Others tells of all the rest together.
	Owner          string  `json:"owner"`
	Others         bool    `json:"others,omitempty"`
	Customers      int64   `json:"customers"`
	Promoted       int64   `json:"promoted"`
	Demoted        int64   `json:"demoted"`
	Amount         float64 `json:"amount"`
	PromotedAmount float64 `json:"promoted_amount"`
	DemotedAmount  float64 `json:"demoted_amount"`
	// Main is the cause of most of them, in words.
	Main string `json:"main_cause"`
}

// Cell is who comes from one place and goes to another.
type Cell struct {
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
	// Way is "up", "down", "stay", or empty for what is neither.
	Way string `json:"way,omitempty"`
}

// Mover is a customer who moved.
type Mover struct {
	Customer
	From string `json:"from"`
	To   string `json:"to"`
	// Cause is why it moved, Words what that means, and Why the whole of it in words.
	Cause string `json:"cause"`
	Words string `json:"words"`
	Why   string `json:"why"`
	// Uncertain tells whether it may have another cause as well.
	Uncertain bool `json:"uncertain,omitempty"`
	// Leading is what changed the most, such as "usage rank 71 → 38: -4.9 points"; empty where that is not known.
	Leading string `json:"leading,omitempty"`
}

// What places that are no tiers are called.
const (
	noTier   = "no tier"
	excluded = "excluded"
	newcomer = "new"
	gone     = "gone"
)

// movementOf tells of a preview; ranks are those of the tiers, from 1, the best, and empty for a matrix.
func movementOf(found *echelonv1.PreviewRunResponse, ranks map[string]int32, limit int) *Movement {
	m := found.GetMigration()
	out := tableOf(m, ranks)
	for _, c := range found.GetCauses() {
		out.Causes = append(out.Causes, Cause{
			Cause: c.GetCause().String(), Words: causeWords(c.GetCause()), Customers: c.GetCustomers(), Promoted: c.GetPromoted(), Demoted: c.GetDemoted(),
			Amount: c.GetAmount(), Uncertain: c.GetUncertain(),
		})
	}
	for _, g := range found.GetGroups() {
		out.Owners = append(out.Owners, ownerOf(g))
	}
	out.Demotions = Movers{List[Mover]{All: m.GetDemoted(), Shown: moversOf(found.GetDemotions(), m.GetTiering(), echelonv1.Mover_DEMOTED, limit)}}
	out.Promotions = Movers{List[Mover]{All: m.GetPromoted(), Shown: moversOf(found.GetLargest(), m.GetTiering(), echelonv1.Mover_PROMOTED, limit)}}
	return out
}

// tableOf makes the table of a migration.
func tableOf(m *echelonv1.Migration, ranks map[string]int32) *Movement {
	out := &Movement{
		Tiering: m.GetTiering(), Both: m.GetBoth(), Stayed: m.GetStayed(), Promoted: m.GetPromoted(), Demoted: m.GetDemoted(), Other: m.GetMovedOtherwise(),
		Newcomers: m.GetNewcomers(), Leavers: m.GetLeavers(), Deleted: m.GetDeleted(),
	}
	out.From = places(m.GetFromTiers(), m.GetCells(), (*echelonv1.MigrationCell).GetFrom, newcomer)
	out.To = places(m.GetToTiers(), m.GetCells(), (*echelonv1.MigrationCell).GetTo, gone)
	for _, from := range out.From {
		row := make([]Cell, len(out.To))
		for k, to := range out.To {
			row[k].Way = wayOf(from, to, ranks)
		}
		out.Cells = append(out.Cells, row)
	}
	for _, cell := range m.GetCells() {
		at := &out.Cells[slices.Index(out.From, place(cell.GetFrom(), newcomer))][slices.Index(out.To, place(cell.GetTo(), gone))]
		at.Customers, at.Amount = cell.GetCustomers(), cell.GetAmount()
	}
	return out
}

// places returns the tiers, and behind them the other places that have somebody.
func places(tiers []string, cells []*echelonv1.MigrationCell, of func(*echelonv1.MigrationCell) *echelonv1.MigrationPlace, absent string) []string {
	all := slices.Clone(tiers)
	for _, kind := range []echelonv1.MigrationPlace_Kind{echelonv1.MigrationPlace_UNSCORED, echelonv1.MigrationPlace_EXCLUDED, echelonv1.MigrationPlace_ABSENT} {
		if slices.ContainsFunc(cells, func(c *echelonv1.MigrationCell) bool { return of(c).GetKind() == kind }) {
			all = append(all, place(&echelonv1.MigrationPlace{Kind: kind}, absent))
		}
	}
	return all
}

// place says where a run has a customer. Tiers are told from the other places by their marks.
func place(p *echelonv1.MigrationPlace, absent string) string {
	switch p.GetKind() {
	case echelonv1.MigrationPlace_TIER:
		return p.GetTier()
	case echelonv1.MigrationPlace_UNSCORED:
		return "(" + noTier + ")"
	case echelonv1.MigrationPlace_EXCLUDED:
		return "(" + excluded + ")"
	}
	return "(" + absent + ")"
}

// wayOf says which way it is from one place to another.
func wayOf(from, to string, ranks map[string]int32) string {
	a, ranked := ranks[from]
	b, also := ranks[to]
	switch {
	case from == to:
		return "stay"
	case !ranked || !also || a == b:
		return ""
	case b < a:
		return "up"
	}
	return "down"
}

// moversOf returns the first movers of one direction.
func moversOf(list []*echelonv1.Mover, tiering string, direction echelonv1.Mover_Direction, limit int) []Mover {
	movers := []Mover{}
	for _, m := range list {
		if m.GetDirection() == direction && len(movers) < limit {
			movers = append(movers, Mover{
				Customer: Customer{ID: m.GetCustomerId(), Owner: m.GetGroup(), Amount: m.GetAmount()},
				From:     place(m.GetFrom(), newcomer), To: place(m.GetTo(), gone),
				Cause: m.GetCause().String(), Words: causeWords(m.GetCause()), Why: m.GetCauseMessage(), Uncertain: m.GetCauseUncertain(), Leading: strings.TrimPrefix(m.GetLeadingReason(), "tiers."+tiering+": "),
			})
		}
	}
	return movers
}

func ownerOf(g *echelonv1.MoverGroup) Owner {
	out := Owner{
		Owner: g.GetGroup(), Others: g.GetOthers(), Customers: g.GetCustomers(), Promoted: g.GetPromoted(), Demoted: g.GetDemoted(), Amount: g.GetAmount(),
		PromotedAmount: g.GetPromotedAmount(), DemotedAmount: g.GetDemotedAmount(),
	}
	if causes := g.GetCauses(); len(causes) > 0 {
		out.Main = causeWords(causes[0].GetCause())
	}
	return out
}

// causeWords says what a cause is, for who never saw the code.
func causeWords(cause echelonv1.Move_Cause) string {
	switch cause {
	case echelonv1.Move_TIME:
		return "Time went by"
	case echelonv1.Move_DATA:
		return "Its own data changed"
	case echelonv1.Move_POPULATION:
		return "The other customers moved the line"
	case echelonv1.Move_MODEL:
		return "The model changed"
	case echelonv1.Move_OVERRIDE:
		return "An override began, ended or changed"
	case echelonv1.Move_NOT_KNOWN:
		return "Not known: what it was is not kept"
	}
	return cause.String()
}

// maxOwners is how many owners the page has; the CSV has all.
const maxOwners = 40

// ShownOwners are those of the page, and HiddenOwners is how many it leaves out.
func (m *Movement) ShownOwners() []Owner { return m.Owners[:min(maxOwners, len(m.Owners))] }

// HiddenOwners is how many owners the page does not show.
func (m *Movement) HiddenOwners() int64 { return int64(len(m.Owners) - len(m.ShownOwners())) }

// Movers are a list of movers.
type Movers struct{ List[Mover] }

// Uncertain reports whether one of those that are shown may have another cause as well.
func (m Movers) Uncertain() bool {
	return slices.ContainsFunc(m.Shown, func(one Mover) bool { return one.Uncertain })
}
