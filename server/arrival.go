package server

import (
	"context"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// registrar registers services so that their unary calls are let in before their requests are decoded: grpc decodes them before it asks any
// interceptor, and a crowd of large ones would cost most of what it costs to answer them.
type registrar struct {
	grpc.ServiceRegistrar
	gate gate
	load *load
	// evaluators are those of the last calls to score a customer.
	evaluators *wire.Evaluators
}

// RegisterService implements grpc.ServiceRegistrar.
func (r registrar) RegisterService(desc *grpc.ServiceDesc, service any) {
	guarded := *desc
	guarded.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, method := range desc.Methods {
		name, handler := "/"+desc.ServiceName+"/"+method.MethodName, method.Handler
		guarded.Methods[i] = grpc.MethodDesc{MethodName: method.MethodName,
			Handler: func(service any, ctx context.Context, decode func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
				a := &arrival{gate: r.gate, load: r.load, method: name}
				defer a.leave()
				admit := func(size int) error { return a.admit(ctx, size) }
				answer, err := handler(service, context.WithValue(ctx, arrivalKey{}, a), func(message any) error {
					if score, ok := message.(*echelonv1.ScoreCustomerRequest); ok {
						a.given = &givenCustomer{request: score, evaluators: r.evaluators}
						message = a.given
					}
					return decode(&incoming{message: message, admit: admit})
				}, chain)
				if err == nil && a.answer != nil {
					return a.answer, nil
				}
				return answer, err
			},
		}
	}
	r.ServiceRegistrar.RegisterService(&guarded, service)
}

// arrival is a unary call whose request has arrived.
type arrival struct {
	gate   gate
	load   *load
	method string
	// principal is who calls, or err why the call is not let in.
	principal *identity.Principal
	err       error
	leaving   []func()
	// given is a request for a customer that is given; nil for all others.
	given *givenCustomer
	// answer is what goes over the wire in place of the service's answer; nil where that does.
	answer *written
}

type arrivalKey struct{}

// arrived returns who makes a unary call, or why it was not let in; neither where it did not come through a registrar.
func arrived(ctx context.Context) (*identity.Principal, error) {
	a, ok := ctx.Value(arrivalKey{}).(*arrival)
	if !ok {
		return nil, nil
	}
	return a.principal, a.err
}

// admit lets the call in, or keeps why not for the interceptors, which count and log it. A panic here is above the interceptor that catches others.
func (a *arrival) admit(ctx context.Context, size int) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
		a.err = err
	}()
	if a.principal, err = a.gate.authenticate(ctx, a.method); err != nil {
		return err
	}
	leave, err := a.load.call(a.method, a.principal.Name)
	if err != nil {
		return err
	}
	a.leaving = append(a.leaving, leave)
	if leave, err = a.load.callBytes(size, a.principal.Name); err != nil {
		return err
	}
	a.leaving = append(a.leaving, leave)
	if a.method == echelonv1.ScoringService_BatchScoreCustomers_FullMethodName {
		if leave, err = a.load.evaluation(ctx); err != nil {
			return err
		}
		a.leaving = append(a.leaving, leave)
	}
	return nil
}

func (a *arrival) leave() {
	for _, leave := range a.leaving {
		leave()
	}
}

// unaryRows takes the rows of a unary call from the rate of its principal. How many it fetches is known only when it is done: they are taken then, and
// the next call waits for them. RATE_LIMITED.
func (l *load) unaryRows(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if !isData(info.FullMethod) {
		return handler(ctx, request)
	}
	sent := max(1, rowsOf(request))
	if err := l.callRows(sent, nameOf(ctx)); err != nil {
		return nil, err
	}
	response, err := handler(ctx, request)
	if page, listed := response.(*echelonv1.ListAssignmentsResponse); listed && err == nil {
		l.fetchedRows(len(page.GetAssignments())-sent, nameOf(ctx))
	}
	return response, err
}

// nameOf returns the name of the principal of a call.
func nameOf(ctx context.Context) string { return identity.From(ctx).Name }

// rowsOf returns how many customers or assignments a message carries.
func rowsOf(message any) int {
	switch m := message.(type) {
	case *received:
		return m.rows()
	case *echelonv1.ExportCustomersResponse:
		return len(m.GetCustomers()) + arrowframe.Rows(m.GetArrow())
	case *echelonv1.ExportAssignmentsResponse:
		return len(m.GetAssignments()) + arrowframe.Rows(m.GetArrow())
	case interface{ GetCustomers() []*echelonv1.Customer }:
		return len(m.GetCustomers())
	case interface {
		GetAssignments() []*echelonv1.Assignment
	}:
		return len(m.GetAssignments())
	}
	return 0
}
