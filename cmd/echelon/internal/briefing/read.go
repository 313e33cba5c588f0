package briefing

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Server is what a report is read from; a client.Client is one.
type Server interface {
	GetRun(ctx context.Context, id string) (*echelonv1.Run, error)
	GetModel(ctx context.Context, name string, version int64) (*echelonv1.ModelVersion, error)
	GetCalibration(ctx context.Context, id string) (*echelonv1.Calibration, error)
	GetCustomer(ctx context.Context, id string) (*echelonv1.Customer, error)
	PreviewRun(ctx context.Context, request *echelonv1.PreviewRunRequest) (*echelonv1.PreviewRunResponse, error)
	ExportAssignmentsWithAmounts(ctx context.Context, model, runID string) iter.Seq2[*echelonv1.Assignment, error]
	ListReviewItems(ctx context.Context, request *echelonv1.ListReviewItemsRequest) (*echelonv1.ListReviewItemsResponse, error)
	Overrides(ctx context.Context, request *echelonv1.ListOverridesRequest) iter.Seq2[*echelonv1.Override, error]
}

var _ Server = (*client.Client)(nil)

// Request says what to report.
type Request struct {
	// RunID is the run, and Against what it is compared with; where that is empty the run that was published when it was started.
	RunID, Against string
	// Tiering is the one whose movers are told; where empty the one that drives coverage.
	Tiering string
	// Name and Owner are attributes that lists show of each customer, and Owner is one of texts by which movers are added up; neither where empty.
	Name, Owner string
	// Limit is how many customers a list shows at most.
	Limit int
	// Now is the present.
	Now time.Time
	// Tell is told how many customers were read, now and then.
	Tell func(customers int64)
}

// reading is a report that is being read.
type reading struct {
	Request
	server Server
	run    *echelonv1.Run
	model  *echelonv1.Model
	report *Report
}

// Read reads a report. A run that has no result is an error, as are all of the server's.
func Read(ctx context.Context, server Server, request Request) (*Report, error) {
	r := &reading{Request: request, server: server, report: &Report{Written: request.Now.UTC(), OwnerName: request.Owner}}
	for _, step := range []func(context.Context) error{r.open, r.population, r.movement, r.overrides, r.queue, r.names} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return r.report, nil
}

// open reads the run and its tables.
func (r *reading) open(ctx context.Context) (err error) {
	if r.run, err = r.server.GetRun(ctx, r.RunID); err != nil {
		return err
	}
	switch state := r.run.GetState(); {
	case r.run.GetSnapshotRemoved():
		return fmt.Errorf("the run %s is not kept any more: its snapshot was removed since newer ones were kept; report a newer run", r.RunID)
	case state != echelonv1.Run_READY && state != echelonv1.Run_PUBLISHED:
		return fmt.Errorf("the run %s has no result: it is %s; report one that is READY or PUBLISHED", r.RunID, state)
	}
	version, err := r.server.GetModel(ctx, r.run.GetModel(), r.run.GetModelVersion())
	if err != nil {
		return err
	}
	r.model = version.GetModel()
	out := r.report
	out.Model, out.Description = r.model.GetName(), r.model.GetDescription()
	out.Run = Source{
		RunID: r.run.GetId(), Model: r.run.GetModel(), ModelVersion: r.run.GetModelVersion(), Fingerprint: version.GetFingerprint(),
		State: r.run.GetState().String(), AsOf: r.run.GetAsOf().AsTime(),
	}
	out.Amount = amountOf(r.model)
	out.Balance = balanceOf(r.run.GetSummary().GetBalance())
	for _, table := range r.run.GetSummary().GetTierings() {
		out.Tierings = append(out.Tierings, tieringOf(table, r.model))
	}
	out.Refused = List[Refused]{All: out.Balance.Refused, Shown: []Refused{}}
	for _, one := range r.run.GetRefused()[:min(r.Limit, len(r.run.GetRefused()))] {
		out.Refused.Shown = append(out.Refused.Shown, Refused{ID: one.GetCustomerId(), Field: one.GetField(), Why: one.GetMessage()})
	}
	for _, one := range r.run.GetFindings() {
		out.Findings = append(out.Findings, findingOf(one))
	}
	return nil
}

// population goes through all customers of the run, and their amounts.
func (r *reading) population(ctx context.Context) error {
	calibration, err := r.server.GetCalibration(ctx, r.RunID)
	if client.ReasonOf(err) == echelonv1.ErrorReason_CALIBRATION_NOT_FOUND {
		calibration, err = nil, nil
	}
	if err != nil {
		return err
	}
	c := newCensus(r.report, r.model, calibration, r.Limit)
	for a, err := range r.server.ExportAssignmentsWithAmounts(ctx, r.run.GetModel(), r.RunID) {
		if err != nil {
			return err
		}
		c.add(a)
		r.Tell(c.read)
	}
	c.finish()
	return nil
}

// movement compares the run with the one before.
func (r *reading) movement(ctx context.Context) error {
	base := r.Against
	if base == "" {
		base = r.run.GetBaseRunId()
	}
	if base == "" {
		r.report.BaseNote = "This is the first run of the model: nothing was published before it, so nobody moved."
		return nil
	}
	before, err := r.server.GetRun(ctx, base)
	if err != nil {
		return err
	}
	if before.GetSnapshotRemoved() && r.Against == "" {
		r.report.BaseNote = fmt.Sprintf("The run before, %s, is not kept any more, so it is not known who moved.", base)
		return nil
	}
	found, err := r.server.PreviewRun(ctx, &echelonv1.PreviewRunRequest{
		To: refTo(r.RunID), From: refTo(base), Tiering: r.Tiering, GroupBy: r.Owner, Movers: previewMovers,
	})
	if err != nil {
		return err
	}
	r.report.Base = &Source{
		RunID: base, Model: before.GetModel(), ModelVersion: before.GetModelVersion(), State: before.GetState().String(), AsOf: before.GetAsOf().AsTime(),
	}
	r.report.Movement = movementOf(found, ranksOf(r.model, found.GetMigration().GetTiering()), r.Limit)
	r.report.Unpublishable = found.GetUnpublishable()
	for _, one := range found.GetFindings() {
		r.report.Findings = append(r.report.Findings, findingOf(one))
	}
	return nil
}

// previewMovers is how many of the largest movers are asked for, so that there are promotions among them.
const previewMovers = 1000

func refTo(run string) *echelonv1.RunRef {
	return &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: run}}
}

// overrides reads what people pinned: what is stale first, then what ends soonest.
func (r *reading) overrides(ctx context.Context) error {
	first := newTop(r.Limit, func(a, b Override) bool {
		switch {
		case a.Stale != b.Stale:
			return a.Stale
		case a.Until != b.Until:
			return b.Until == "" || a.Until != "" && a.Until < b.Until
		case a.ID != b.ID:
			return a.ID < b.ID
		}
		return a.Item < b.Item
	})
	for o, err := range r.server.Overrides(ctx, &echelonv1.ListOverridesRequest{Model: r.run.GetModel(), PageSize: 1000}) {
		if err != nil {
			return err
		}
		if o.GetStale() {
			r.report.Overrides.Stale++
		}
		first.add(overrideOf(o))
	}
	r.report.Overrides.List = first.list()
	return nil
}

// names gives the customers of lists their names and owners.
func (r *reading) names(ctx context.Context) error {
	if r.Name == "" && r.Owner == "" {
		return nil
	}
	known := map[string]*echelonv1.Customer{}
	for _, one := range r.report.listed() {
		found, ok := known[one.ID]
		if !ok {
			var err error
			found, err = r.server.GetCustomer(ctx, one.ID)
			if err != nil && client.ReasonOf(err) != echelonv1.ErrorReason_CUSTOMER_NOT_FOUND {
				return err
			}
			known[one.ID] = found
		}
		one.Name, one.Owner = textOf(found, r.Name), textOf(found, r.Owner)
	}
	return nil
}

// listed returns the customers of all lists.
func (r *Report) listed() []*Customer {
	var all []*Customer
	for i := range r.Held.Shown {
		all = append(all, &r.Held.Shown[i].Customer)
	}
	for i := range r.Overrides.Shown {
		all = append(all, &r.Overrides.Shown[i].Customer)
	}
	for i := range r.Queue.Shown {
		all = append(all, &r.Queue.Shown[i].Customer)
	}
	for i := range r.Unscored.Shown {
		all = append(all, &r.Unscored.Shown[i])
	}
	if r.Movement != nil {
		for _, movers := range [][]Mover{r.Movement.Demotions.Shown, r.Movement.Promotions.Shown} {
			for i := range movers {
				all = append(all, &movers[i].Customer)
			}
		}
	}
	return all
}

// textOf returns an attribute of a customer as text; empty where it is missing.
func textOf(customer *echelonv1.Customer, attribute string) string {
	switch value := customer.GetAttributes().GetFields()[attribute]; {
	case value == nil:
		return ""
	case value.GetStringValue() != "":
		return value.GetStringValue()
	default:
		return fmt.Sprint(value.AsInterface())
	}
}
