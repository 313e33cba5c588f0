package briefing

import "time"

// Report is all figures of a briefing.
type Report struct {
	// Model is the model's name, and Description what it says of itself.
	Model       string `json:"model"`
	Description string `json:"description,omitempty"`
	// Run is what is reported.
	Run Source `json:"run"`
	// Base is what it is compared with; nil where BaseNote says why there is nothing.
	Base     *Source `json:"base,omitempty"`
	BaseNote string  `json:"base_note,omitempty"`
	// Written is when the report was made, in UTC.
	Written time.Time `json:"written"`
	// Amount is what amounts are.
	Amount Amount `json:"amount"`
	// OwnerName is the attribute that says who looks after customers; empty where none was asked for.
	OwnerName string `json:"owner_attribute,omitempty"`
	// Balance says where all customers went.
	Balance Balance `json:"balance"`
	// Tierings are the tables of the run, in declared order; the first that Drives is what is paid for.
	Tierings []Tiering `json:"tierings"`
	// Boxes are its matrices as plots.
	Boxes []Box `json:"boxes,omitempty"`
	// Concentration is nil where ConcentrationNote says why.
	Concentration     *Concentration `json:"concentration,omitempty"`
	ConcentrationNote string         `json:"concentration_note,omitempty"`
	// Unpublishable says why the run cannot be published as it is; empty where it can be, or is.
	Unpublishable string `json:"unpublishable,omitempty"`
	// Movement is who moved since Base; nil without one.
	Movement *Movement `json:"movement,omitempty"`
	// Held are customers who are not where the cuts alone would put them.
	Held List[Held] `json:"held"`
	// Overrides are what people pinned, as it is now.
	Overrides Overrides `json:"overrides"`
	// Queue is what people ought to look at.
	Queue Queue `json:"queue"`
	// Unscored are those without a tier in the tiering that Drives, and Gaps what they lack.
	Unscored List[Customer] `json:"unscored"`
	Gaps     []Gap          `json:"gaps,omitempty"`
	// Refused are customers that could not be read.
	Refused List[Refused] `json:"refused"`
	// Findings are what the population shows about the model.
	Findings []Finding `json:"findings,omitempty"`
}

// Source is a run.
type Source struct {
	RunID        string    `json:"run_id"`
	Model        string    `json:"model"`
	ModelVersion int64     `json:"model_version"`
	Fingerprint  string    `json:"model_fingerprint,omitempty"`
	State        string    `json:"state,omitempty"`
	AsOf         time.Time `json:"as_of"`
}

// Amount is what amounts are of.
type Amount struct {
	// Name is the model's expression; empty where it has none, and all amounts are 0 then.
	Name string `json:"name,omitempty"`
	// Unit is that of the attribute, such as "USD"; empty where it is not known.
	Unit string `json:"unit,omitempty"`
	// Description says what it is.
	Description string `json:"description,omitempty"`
}

// Given reports whether there are amounts.
func (a Amount) Given() bool { return a.Name != "" }

// Balance says where customers, and amounts, went.
type Balance struct {
	Customers      int64   `json:"customers"`
	Tiered         int64   `json:"tiered"`
	Unscored       int64   `json:"unscored"`
	Excluded       int64   `json:"excluded"`
	Refused        int64   `json:"refused"`
	Amount         float64 `json:"amount"`
	ExcludedAmount float64 `json:"excluded_amount"`
}

// Tiering is a table of tiers or personas.
type Tiering struct {
	Name string `json:"name"`
	// Matrix tells a matrix, whose tiers have no order, from a ladder.
	Matrix bool `json:"matrix,omitempty"`
	// Drives tells the tiering that decides what is paid for.
	Drives bool   `json:"drives,omitempty"`
	Tiers  []Tier `json:"tiers"`
	// Unscored are those without a tier.
	Unscored       int64   `json:"unscored"`
	UnscoredAmount float64 `json:"unscored_amount"`
	// Customers and Amount are of all rows.
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
	// Held is how many are not where the cuts alone would put them, and Holds by what.
	Held  int64       `json:"held"`
	Holds []HoldCount `json:"holds,omitempty"`
	// Review are the moves of the review period; nil where the tiering has no stability.
	Review *Review `json:"review,omitempty"`
}

// Widest returns the largest share, of customers or amount, that a row has.
func (t Tiering) Widest() float64 {
	widest := part(float64(t.Unscored), float64(t.Customers))
	for _, tier := range t.Tiers {
		widest = max(widest, part(float64(tier.Customers), float64(t.Customers)), part(tier.Amount, t.Amount))
	}
	return widest
}

// part returns a share; 0 of nothing.
func part(x, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return x / whole
}

// Tier is a row of it.
type Tier struct {
	Name       string  `json:"name"`
	Engagement string  `json:"engagement,omitempty"`
	Promise    string  `json:"promise,omitempty"`
	Customers  int64   `json:"customers"`
	Amount     float64 `json:"amount"`
	Held       int64   `json:"held"`
}

// HoldCount is how many customers something holds.
type HoldCount struct {
	// Hold is the name of a Reason.Code, and Words what it means.
	Hold      string `json:"hold"`
	Words     string `json:"words"`
	Customers int64  `json:"customers"`
}

// Review are the moves of a review period.
type Review struct {
	From       string `json:"from"`
	To         string `json:"to"`
	Promotions int64  `json:"promotions"`
	Demotions  int64  `json:"demotions"`
	Other      int64  `json:"other"`
	// Limits are what caps and guards allow, in words.
	Limits []string `json:"limits,omitempty"`
}

// List is the first of some things.
type List[T any] struct {
	// All is how many there are, and Shown the first of them.
	All   int64 `json:"all"`
	Shown []T   `json:"shown"`
}

// Hidden is how many are not shown.
func (l List[T]) Hidden() int64 { return l.All - int64(len(l.Shown)) }

// Customer is a customer in a list.
type Customer struct {
	ID string `json:"id"`
	// Name and Owner are those of the attributes that were asked for.
	Name   string  `json:"name,omitempty"`
	Owner  string  `json:"owner,omitempty"`
	Amount float64 `json:"amount"`
}

// Held is a customer who is not where the cuts alone would put it.
type Held struct {
	Customer
	Tiering string `json:"tiering"`
	// Tier is in force, and Computed what the cuts give; each may be empty.
	Tier     string `json:"tier"`
	Computed string `json:"computed"`
	// Why is what holds it, in words; Until a day, or empty.
	Why   string `json:"why"`
	Until string `json:"until,omitempty"`
}

// Overrides are what people pinned.
type Overrides struct {
	List[Override]
	// Stale is how many of all pin what the model computes otherwise than when they were set.
	Stale int64 `json:"stale"`
}

// Override is one pin.
type Override struct {
	Customer
	Item     string `json:"item"`
	Pinned   string `json:"pinned"`
	Computed string `json:"computed,omitempty"`
	Stale    bool   `json:"stale,omitempty"`
	// Until is a day, or empty where it holds until it is deleted.
	Until  string `json:"until,omitempty"`
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

// Gap is what customers without a tier lack; one may lack several.
type Gap struct {
	What      string `json:"what"`
	Customers int64  `json:"customers"`
}

// Refused is a customer that could not be read.
type Refused struct {
	ID    string `json:"id"`
	Field string `json:"field,omitempty"`
	Why   string `json:"why"`
}

// Finding is what the population shows about the model.
type Finding struct {
	Path    string `json:"path"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// Driving returns the tiering that decides what is paid for; the first where none says so, nil where there is none.
func (r *Report) Driving() *Tiering {
	for i := range r.Tierings {
		if r.Tierings[i].Drives {
			return &r.Tierings[i]
		}
	}
	if len(r.Tierings) == 0 {
		return nil
	}
	return &r.Tierings[0]
}
