package server

import (
	"context"
	"errors"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// longestPath is how far up GetFamily goes.
const longestPath = 1000

// GetFamily returns the family of a customer, as the published run found it.
func (s *assignmentService) GetFamily(ctx context.Context, request *echelonv1.GetFamilyRequest) (*echelonv1.GetFamilyResponse, error) {
	binding := []string{"GetFamily", request.GetModel(), request.GetCustomerId()}
	cut, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	reader, err := snapshot.Open(s.catalog, view, request.GetModel(), cut.Run)
	if err != nil {
		return nil, err
	}
	program := reader.Program()
	if !program.HasFamilies() {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the published version of the model %q names no `parent`, and so has no families", request.GetModel())
	}
	customer, err := parentsOf(view, program, request.GetCustomerId())
	if err != nil {
		return nil, err
	}
	table, at, err := reader.FamilyOf(customer)
	if err != nil {
		return nil, err
	}
	answer := &echelonv1.Family{CustomerId: request.GetCustomerId(), RunId: reader.Run().GetId(), Root: request.GetCustomerId(), Customers: 1}
	response := &echelonv1.GetFamilyResponse{Family: answer}
	if err := climb(view, program, customer, answer); err != nil {
		return nil, err
	}
	if at == family.Alone {
		answer.Members = []string{request.GetCustomerId()}
		return response, nil
	}
	answer.Root, answer.Customers, answer.Values = table.Root(at), table.Size(at), familyValues(program, table, at)
	if top := answer.GetPath()[len(answer.GetPath())-1]; len(answer.GetFindings()) == 0 && top != answer.GetRoot() {
		say(answer, "start a run", "the root was %s in the published run, and is %s now", frame.Quote(answer.GetRoot()), frame.Quote(top))
	}
	size, bytes := pageSize(request.GetPageSize(), defaultPage), 0
	for id, err := range reader.Members(ctx, answer.GetRoot(), cut.After) {
		if err != nil {
			return nil, err
		}
		if s.streams.full(len(answer.Members), size, bytes) {
			response.NextPageToken = writeCursor(cursor{Run: answer.GetRunId(), After: answer.Members[len(answer.Members)-1]}, binding...)
			break
		}
		bytes += len(id)
		if answer.Members = append(answer.Members, id); int64(len(answer.Members)) == answer.GetCustomers() {
			break // nobody else is in it, and the snapshot may be long
		}
	}
	return response, nil
}

// familyValues returns what the calls of a model give for a family.
func familyValues(program *engine.Program, table *family.Table, at int) []*echelonv1.FamilyValue {
	var values []*echelonv1.FamilyValue
	for i, call := range program.FamilyFunctions() {
		one := &echelonv1.FamilyValue{Function: call.String()}
		x, ok := table.Value(i, at)
		if call.Function == expr.FamilyCount {
			x, ok = float64(table.Size(at)), true
		}
		if ok {
			one.Value = &x
		}
		values = append(values, one)
	}
	return values
}

// parentsOf returns a stored customer with its parent alone. CUSTOMER_NOT_FOUND.
func parentsOf(view storage.Reader, program *engine.Program, id string) (*frame.Frame, error) {
	batch, err := view.Customer(id, program.Schema())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, errNoCustomer(id)
	case err != nil:
		return nil, err
	case len(batch.Errors) > 0:
		return nil, fault.Customer(batch.Errors[0])
	}
	return batch.Frame, nil
}

// climb goes up from a customer by the parents that are stored now, and says what is odd about the way.
func climb(view storage.Reader, program *engine.Program, customer *frame.Frame, to *echelonv1.Family) error {
	seen := make(map[string]bool)
	for id := customer.IDs[0]; ; {
		seen[id] = true
		to.Path = append(to.Path, id)
		parent := program.ParentOf(customer, 0)
		switch {
		case parent == "":
			return nil
		case parent == id:
			say(to, "leave the parent out", "%s names itself as its parent", frame.Quote(id))
			return nil
		case seen[parent]:
			say(to, "correct the parents", "%s names %s, which closes a cycle", frame.Quote(id), frame.Quote(parent))
			return nil
		case len(to.Path) == longestPath:
			say(to, "", "the way up goes on after %s", frame.Quote(id))
			return nil
		}
		var err error
		customer, err = parentsOf(view, program, parent)
		var refused *fault.Fault
		switch {
		case errors.As(err, &refused) && refused.Reason == echelonv1.ErrorReason_CUSTOMER_NOT_FOUND:
			say(to, "store the parent, or correct its id", "%s names the parent %s, which is not there", frame.Quote(id), frame.Quote(parent))
			return nil
		case errors.As(err, &refused):
			say(to, "mend it", "%s names the parent %s, which the model refuses: %s", frame.Quote(id), frame.Quote(parent), refused.Message)
			return nil
		case err != nil:
			return err
		}
		id = parent
	}
}

func say(to *echelonv1.Family, remedy, format string, args ...any) {
	var found diag.List
	found.Warnf("parent", remedy, format, args...)
	to.Findings = append(to.Findings, engine.FindingsProto(found)...)
}
