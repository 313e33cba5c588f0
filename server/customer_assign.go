package server

import (
	"cmp"
	"context"
	"slices"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/intake"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// assigning returns what is to assign customers that are written; nil where nothing is. INVALID_REQUEST.
func assigning(assign bool, models []string) (*intake.Assign, error) {
	if !assign {
		if len(models) > 0 {
			return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "assign_models names models, and assign is not set: set it, or name none")
		}
		return nil, nil
	}
	return &intake.Assign{Models: models}, nil
}

// openAssign returns what is to assign the customers of a stream, after looking that it can: a stream that cannot is refused at its beginning.
// INVALID_REQUEST, MODEL_NOT_FOUND, NOTHING_PUBLISHED.
func (s *customerService) openAssign(ctx context.Context, header *echelonv1.ImportHeader) (*intake.Assign, error) {
	assign, err := assigning(header.GetAssign(), header.GetAssignModels())
	if err != nil || assign == nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	_, err = intake.Publications(view, assign.Models)
	return assign, err
}

// withRefused adds the rows that a model refused to those that were refused before, in the order of the batch. Places are those of the rows that
// were not.
func withRefused(before, refused []*echelonv1.RowError, places []int64) []*echelonv1.RowError {
	for _, row := range refused {
		row.Index = places[row.GetIndex()]
	}
	all := slices.Concat(before, refused)
	slices.SortStableFunc(all, func(a, b *echelonv1.RowError) int { return cmp.Compare(a.GetIndex(), b.GetIndex()) })
	return all
}

// EraseCustomer removes a customer and all that is kept of it.
func (s *customerService) EraseCustomer(ctx context.Context, request *echelonv1.EraseCustomerRequest) (*echelonv1.EraseCustomerResponse, error) {
	erased, err := s.intake.Erase(ctx, request.GetCustomerId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.EraseCustomerResponse{
		Existed: erased.Existed, OverlayRows: erased.OverlayRows, Snapshots: erased.Snapshots, Runs: erased.Runs,
		Calibrations: erased.Calibrations, AuditEntries: erased.AuditEntries,
	}, nil
}
