package main

import (
	"context"
	"iter"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/briefing"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// worths are the amounts of the stored customers, which a server does not tell one by one: they are computed here, as it does itself.
type worths struct{ server *client.Client }

// of returns the amounts by the model of a run, or why they cannot be had.
func (w worths) of(
	ctx context.Context, model *echelonv1.Model, run *echelonv1.Run, calibration *echelonv1.Calibration,
) (iter.Seq2[briefing.Worth, error], string, error) {
	if model.GetAmount() == "" {
		return nil, "The model declares no amount, so there is no concentration to show.", nil
	}
	program, found := engine.Compile(model)
	if err := found.Err(); err != nil {
		return nil, "", err
	}
	if program.NeedsFamilies() {
		return nil, "The model reads families, whose values a run keeps to itself: what single customers bring is not known here.", nil
	}
	if err := sameNames(ctx, w.server, program); err != nil {
		return nil, "What single customers bring is not known: " + err.Error() + ".", nil
	}
	scorer, err := program.Bind(calibration)
	if err != nil {
		return nil, "", err
	}
	return func(yield func(briefing.Worth, error) bool) {
		rows := frame.NewBuilder(program.Schema())
		var ids []string
		flush := func() bool {
			f := rows.Take()
			amounts := scorer.Amounts(f, run.GetAsOf().AsTime())
			at := 0
			for _, id := range ids {
				worth := briefing.Worth{ID: id}
				// A customer that could not be read is not in the frame, and brings nothing here as in a run.
				if at < f.Len() && f.IDs[at] == id {
					if amounts.Valid.Get(at) {
						worth.Amount = amounts.Numbers[at]
					}
					at++
				}
				if !yield(worth, nil) {
					return false
				}
			}
			ids = ids[:0]
			return true
		}
		for customer, err := range w.server.ExportCustomers(ctx) {
			if err != nil {
				yield(briefing.Worth{}, err)
				return
			}
			ids = append(ids, customer.GetId())
			_ = rows.AddCustomer(customer, true) // a run refused it too, and tells
			if len(ids) == tabular.BatchRows && !flush() {
				return
			}
		}
		flush()
	}, "", nil
}
