package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// defaultMovers is how many movers each list of a preview has where nothing is asked for.
const defaultMovers = 25

// PreviewRun says what a run would change, and why. It goes through the snapshots and through the customers who moved, some thousand at a time.
func (s *runService) PreviewRun(ctx context.Context, request *echelonv1.PreviewRunRequest) (*echelonv1.PreviewRunResponse, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	to, err := s.open(view, request.GetTo(), "", "")
	if err != nil {
		return nil, err
	}
	response := &echelonv1.PreviewRunResponse{Run: to.Run(), To: to.Provenance()}
	if response.Unpublishable, err = s.unpublishable(view, to.Run()); err != nil {
		return nil, err
	}
	from, err := s.before(view, request.GetFrom(), to)
	if err != nil {
		return nil, err
	}
	if from == nil {
		if err := alone(to, request); err != nil {
			return nil, err
		}
		response.Findings = guardFindings(to, request.GetTiering())
		return response, nil
	}
	response.From = from.Provenance()
	if err := s.movers(ctx, view, from, to, request, response); err != nil {
		return nil, err
	}
	response.Findings = append(guardFindings(to, response.GetMigration().GetTiering()), drift(response.GetMigration())...)
	return response, nil
}

// before opens what a run is compared with; nil where nothing is asked for and there is nothing.
func (s *runService) before(view storage.Reader, asked *echelonv1.RunRef, to *snapshot.Reader) (*snapshot.Reader, error) {
	if asked != nil {
		return s.open(view, asked, "", "")
	}
	current, err := catalog.Current(view, to.Run().GetModel())
	switch {
	case fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED):
		return nil, nil
	case err != nil:
		return nil, err
	case current.GetRunId() != to.Run().GetId():
		return snapshot.Open(s.catalog, view, to.Run().GetModel(), "")
	}
	last := len(current.GetHistory()) - 1
	if last < 0 {
		return nil, nil
	}
	return snapshot.OpenRun(s.catalog, view, current.GetHistory()[last].GetRunId())
}

// alone checks what is asked of a run that there is nothing to compare with.
func alone(to *snapshot.Reader, request *echelonv1.PreviewRunRequest) error {
	if request.GetTiering() == "" {
		return nil
	}
	_, err := snapshot.NewMigration(nil, to, to, request.GetTiering())
	return err
}

// movers fills in who moves, and why.
func (s *runService) movers(
	ctx context.Context, view storage.Reader, from, to *snapshot.Reader, request *echelonv1.PreviewRunRequest, response *echelonv1.PreviewRunResponse,
) error {
	migration, err := snapshot.NewMigration(s.catalog, from, to, request.GetTiering())
	if err != nil {
		return err
	}
	causes, err := snapshot.NewCauses(s.catalog, view, from, to, request.GetGroupBy())
	if err != nil {
		return err
	}
	preview := snapshot.NewPreview(causes, migration.Tiering(), pageSize(request.GetMovers(), defaultMovers))
	response.Migration, err = migration.Walk(ctx, view, "", true, func(mover func() (*echelonv1.Mover, error)) (bool, error) {
		one, err := mover()
		if err != nil {
			return false, err
		}
		return true, preview.Take(ctx, one)
	})
	if err != nil {
		return err
	}
	return preview.Write(ctx, response)
}

// guardFindings returns what guards find in a run, of one tiering or of all.
func guardFindings(of *snapshot.Reader, tiering string) []*echelonv1.Finding {
	all := of.Program().GuardFindings(of.Run().GetSummary())
	if tiering == "" {
		return all
	}
	var found []*echelonv1.Finding
	for i, t := range of.Program().Model().GetTierings() {
		for _, one := range all {
			if t.GetName() == tiering && strings.HasPrefix(one.GetPath(), fmt.Sprintf("tierings[%d].", i)) {
				found = append(found, one)
			}
		}
	}
	return found
}

// drifting is the share of customers by which promotions may outnumber demotions before that is told.
const drifting = 0.05

// drift tells of a base that drifts upwards.
func drift(m *echelonv1.Migration) []*echelonv1.Finding {
	if net := m.GetPromoted() - m.GetDemoted(); float64(net) > drifting*float64(m.GetBoth()) {
		return []*echelonv1.Finding{{
			Severity: echelonv1.Finding_WARNING, Path: "tiers." + m.GetTiering(),
			Message: fmt.Sprintf("the base drifts upwards: %d customers are promoted and %d demoted, of %d", m.GetPromoted(), m.GetDemoted(), m.GetBoth()),
			Remedy:  "look at the causes, raise the lines, or give the tiering a guard",
		}}
	}
	return nil
}

// unpublishable says why a run cannot be published; empty where it can be, or it is published.
func (s *runService) unpublishable(view storage.Reader, run *echelonv1.Run) (string, error) {
	err := s.runs.Publishable(view, run)
	var why *fault.Fault
	if errors.As(err, &why) {
		return why.Message, nil
	}
	return "", err
}
