package server

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/jobs"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// importStream is an ImportCustomers stream.
type importStream struct {
	service  *customerService
	ctx      context.Context
	open     *openImport
	sequence batches
	// stored is the last batch that is stored.
	stored atomic.Int64
	// before tells once whether all batches before the next one are stored.
	before chan bool
}

// ImportCustomers stores a stream of batches, each answered after its commit. One batch is read while the one before it is stored.
func (s *customerService) ImportCustomers(stream grpc.BidiStreamingServer[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse]) error {
	i := &importStream{service: s, ctx: stream.Context(), before: make(chan bool, 1)}
	i.before <- true
	d := &duplex[*bulkRequest[*echelonv1.ImportCustomersRequest]]{
		streaming: s.streams, stream: stream, receive: receiveBulk[echelonv1.ImportCustomersRequest], begin: i.begin, ahead: inFlight,
	}
	err := d.run()
	if err == nil && i.open == nil {
		err = s.streams.header(nil, false)
	}
	return (&batches{last: i.stored.Load()}).at(err)
}

// begin answers a header, or begins to store a batch.
func (i *importStream) begin(request *bulkRequest[*echelonv1.ImportCustomersRequest]) (work, error) {
	if i.open == nil {
		open, err := i.service.openImport(i.ctx, request.message.GetHeader())
		if err != nil {
			return nil, err
		}
		i.open = open
		opened := &echelonv1.ImportOpened{SchemaVersion: open.reader.version}
		if open.job != nil {
			i.sequence = batches{last: open.job.Last(), job: true}
			opened.LastSequence = i.sequence.last
			i.stored.Store(i.sequence.last)
		}
		return done(reply{message: &echelonv1.ImportCustomersResponse{Message: &echelonv1.ImportCustomersResponse_Opened{Opened: opened}}}), nil
	}
	batch := request.batch
	if err := i.sequence.check(batch); err != nil {
		return nil, err
	}
	i.sequence.done(batch)
	before, stored := i.before, make(chan bool, 1)
	i.before = stored
	// What is begun is done, also where the stream ends meanwhile for what came later: it is the last batch of the stream then.
	return func(context.Context) (reply, error) { return i.store(batch, before, stored) }, nil
}

// store stores a batch once those before it are, and tells whether it is stored: where it is not, no later one may be.
func (i *importStream) store(batch *rowBatch, before <-chan bool, stored chan<- bool) (reply, error) {
	ok := false
	defer func() { stored <- ok }()
	rows, err := i.service.readBatch(i.ctx, i.open, batch)
	if err != nil {
		return reply{}, err
	}
	if !<-before {
		return reply{}, context.Canceled
	}
	answer, written, err := i.service.storeBatch(i.ctx, i.open, batch, rows)
	if err != nil {
		return reply{}, err
	}
	i.stored.Store(max(i.stored.Load(), batch.sequence)) // the one before is done with it; and it is stored, whatever becomes of its answer
	if answer.Families, err = i.service.intake.Families(i.ctx, written); err != nil {
		return reply{}, err
	}
	ok = true
	i.service.streams.listFitting(answer)
	message := &echelonv1.ImportCustomersResponse{Message: &echelonv1.ImportCustomersResponse_Batch{Batch: answer}}
	return reply{message: message, sequence: batch.sequence}, nil
}

// openImport is an ImportCustomers stream whose header was read.
type openImport struct {
	reader        *reader
	arrow         *arrowframe.Reader
	ignoreUnknown bool
	assign        *intake.Assign
	// job is nil where the header names none.
	job *jobs.Job
	// rows are those that are free.
	rows chan *wire.Rows
	// retired are the attributes of the reader that were retired since; whose turn it is to store knows them.
	retired []string
}

func (s *customerService) openImport(ctx context.Context, header *echelonv1.ImportHeader) (*openImport, error) {
	if err := s.streams.header(header, header != nil); err != nil {
		return nil, err
	}
	assign, err := s.openAssign(ctx, header)
	if err != nil {
		return nil, err
	}
	reader, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	job, err := s.openJob(ctx, header)
	if err != nil {
		return nil, err
	}
	o := &openImport{reader: reader, arrow: reader.arrow(header), ignoreUnknown: header.GetIgnoreUnknownAttributes(), assign: assign, job: job, rows: make(chan *wire.Rows, inFlight)}
	for range inFlight {
		o.rows <- reader.rows(o.ignoreUnknown)
	}
	return o, nil
}

// importRows is a batch that was read.
type importRows struct {
	*frame.Frame
	// places are those of the rows in the batch, and refused the other ones.
	places  []int64
	refused []*echelonv1.RowError
	// notices are what is said of an Arrow batch.
	notices []string
	// hash tells the batch from others; nil where the stream has no job.
	hash []byte
}

// readBatch reads the rows of a batch. INVALID_REQUEST.
func (s *customerService) readBatch(ctx context.Context, open *openImport, batch *rowBatch) (*importRows, error) {
	var rows *wire.Rows
	select {
	case rows = <-open.rows:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { open.rows <- rows }()
	done, err := s.load.evaluation(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if len(batch.arrow) > 0 {
		return open.readArrow(batch)
	}
	read := &importRows{}
	if open.job != nil {
		if read.hash, err = batch.hash(); err != nil {
			return nil, err
		}
	}
	rows.Builder = frame.NewBuilder(open.reader.schema, frame.UniqueIDs())
	err = batch.read(rows, func(place int, _ *echelonv1.Customer, refused *echelonv1.RowError) {
		if refused != nil {
			refused.Index = int64(place)
			read.refused = append(read.refused, refused)
			return
		}
		read.places = append(read.places, int64(place))
	})
	read.Frame = rows.Builder.Take()
	return read, err
}

// storeBatch stores the rows of a batch that are not refused, in one commit, and once where the stream has a job. An attribute that was retired since
// the stream was opened is refused with the rows that have it, and keeps nobody else out.
func (s *customerService) storeBatch(ctx context.Context, open *openImport, batch *rowBatch, rows *importRows) (
	answer *echelonv1.ImportedBatch, stored *frame.Frame, err error) {
	rows = rows.without(open.retired, open.ignoreUnknown)
	answer, stored, err = s.storeRows(ctx, open, batch, rows)
	for names := retiredBy(err); len(names) > 0; names = retiredBy(err) {
		open.retired = append(open.retired, names...)
		rows = rows.without(names, open.ignoreUnknown)
		answer, stored, err = s.storeRows(ctx, open, batch, rows)
	}
	return answer, stored, err
}

func (s *customerService) storeRows(ctx context.Context, open *openImport, batch *rowBatch, rows *importRows) (
	answer *echelonv1.ImportedBatch, stored *frame.Frame, err error) {
	stored = rows.Frame
	answer, err = s.once(ctx, open.job, batch.sequence, rows.hash, func(tx storage.Tx) (*echelonv1.ImportedBatch, error) {
		written, err := s.intake.PutIn(ctx, tx, intake.Put{Customers: rows.Frame, Assign: open.assign})
		if err != nil {
			return nil, err
		}
		stored = written.Stored
		return &echelonv1.ImportedBatch{
			Sequence: batch.sequence, Stored: int64(written.Stored.Len()), Assigned: written.Assigned,
			Errors: withRefused(rows.refused, written.Refused, rows.places), Notices: rows.notices,
		}, nil
	})
	return answer, stored, err
}
