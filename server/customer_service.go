package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/jobs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// customerService keeps customers.
type customerService struct {
	echelonv1.UnimplementedCustomerServiceServer
	store   storage.Store
	intake  *intake.Intake
	jobs    *jobs.Ledger
	catalog *catalog.Catalog
	streams streaming
	load    *load
	now     func() time.Time
}

// reader returns what reads customers by the store's schema as it is now.
func (s *customerService) reader(ctx context.Context) (*reader, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	schema, err := storage.ReadSchema(view)
	if err != nil {
		return nil, err
	}
	return newReader(schema), nil
}

// UpsertCustomer stores a customer in place of what was stored of it.
func (s *customerService) UpsertCustomer(ctx context.Context, request *echelonv1.UpsertCustomerRequest) (*echelonv1.UpsertCustomerResponse, error) {
	reader, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	b := frame.NewBuilder(reader.schema)
	if refused := reader.add(b, request.GetCustomer(), false); refused != nil {
		return nil, fault.Customer(refused)
	}
	assign, err := assigning(request.GetAssign(), request.GetAssignModels())
	if err != nil {
		return nil, err
	}
	written, err := s.intake.Put(ctx, intake.Put{Customers: b.Take(), Assign: assign})
	if err != nil {
		return nil, err
	}
	if len(written.Refused) > 0 {
		return nil, fault.Customer(written.Refused[0])
	}
	stored := written.Stored.Customer(0)
	stored.UpdateTime = timestamppb.New(time.UnixMicro(written.At.UnixMicro()))
	families, err := s.intake.Families(ctx, written.Stored)
	if err != nil {
		return nil, err
	}
	return &echelonv1.UpsertCustomerResponse{Customer: stored, Assignments: written.Assignments(0), Families: families}, nil
}

// GetCustomer returns a stored customer.
func (s *customerService) GetCustomer(ctx context.Context, request *echelonv1.GetCustomerRequest) (*echelonv1.GetCustomerResponse, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	batch, err := view.Customer(request.GetCustomerId(), nil)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errNoCustomer(request.GetCustomerId())
	}
	if err != nil {
		return nil, err
	}
	return &echelonv1.GetCustomerResponse{Customer: customer(batch, 0)}, nil
}

// customer returns a row of a batch as it goes over the wire.
func customer(batch *storage.CustomerBatch, row int) *echelonv1.Customer {
	c := batch.Frame.Customer(row)
	c.UpdateTime = timestamppb.New(batch.UpdateTimes[row])
	return c
}

// DeleteCustomer removes a stored customer.
func (s *customerService) DeleteCustomer(ctx context.Context, request *echelonv1.DeleteCustomerRequest) (*echelonv1.DeleteCustomerResponse, error) {
	existed, err := s.intake.Delete(ctx, request.GetCustomerId())
	if err != nil {
		return nil, err
	}
	if !existed {
		return nil, errNoCustomer(request.GetCustomerId())
	}
	families, err := s.intake.Families(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &echelonv1.DeleteCustomerResponse{Families: families}, nil
}

// ExportCustomers streams all stored customers.
func (s *customerService) ExportCustomers(request *echelonv1.ExportCustomersRequest, stream grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	const binding = "ExportCustomers"
	at, err := readCursor(request.GetCursor(), binding)
	if err != nil {
		return err
	}
	view, err := s.store.View(stream.Context())
	if err != nil {
		return err
	}
	defer view.Close()
	scan := storage.CustomerScan{After: at.After, BatchRows: pageSize(request.GetPageSize(), defaultExportPage)}
	columns := &customerPages{idColumn: request.GetIdColumn(), most: s.streams.maxMessage - answerBytes}
	for batch, err := range view.Customers(stream.Context(), nil, scan) {
		if err != nil {
			return err
		}
		if request.GetArrow() {
			err := columns.write(batch.Frame, func(arrow []byte, last string) error {
				page := &echelonv1.ExportCustomersResponse{Arrow: arrow, Cursor: writeCursor(cursor{After: last}, binding)}
				return s.streams.sendOrStop(func() error { return stream.Send(page) })
			})
			if err != nil {
				return err
			}
			continue
		}
		page, bytes := &echelonv1.ExportCustomersResponse{}, 0
		for row := range batch.Frame.Len() {
			one := customer(batch, row)
			bytes += proto.Size(one)
			page.Customers = append(page.Customers, one)
			if row < batch.Frame.Len()-1 && !s.streams.full(len(page.Customers), maxBatchRows, bytes) {
				continue
			}
			page.Cursor = writeCursor(cursor{After: one.GetId()}, binding)
			ended := page
			page, bytes = &echelonv1.ExportCustomersResponse{}, 0
			if err := s.streams.sendOrStop(func() error { return stream.Send(ended) }); err != nil {
				return err
			}
		}
	}
	return nil
}
