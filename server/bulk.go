package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/jobs"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// bulkMessage is a request of a bulk stream: a header or a batch.
type bulkMessage interface {
	proto.Message
	GetBatch() *echelonv1.CustomerBatch
}

// bulkRequest is a request of a bulk stream of which nobody has made messages of the rows yet.
type bulkRequest[M bulkMessage] struct {
	// message is the request. Where batch has rows as they came over the wire, it is empty.
	message M
	// batch is the request's; nil for a header.
	batch *rowBatch
}

func (r *bulkRequest[M]) proto() proto.Message { return r.message }

// rowBatch is a batch of customers, as it came over the wire or as protobuf decoded it.
type rowBatch struct {
	sequence int64
	// count is how many rows it has, and size how many bytes they are.
	count, size int
	// raw are the rows as they came, in a buffer that is given back once they are read; message is nil then.
	raw     []byte
	buffer  mem.Buffer
	message *echelonv1.CustomerBatch
	// arrow is the customers where they came as an IPC stream, in the buffer too unless message has it; then there are no rows.
	arrow []byte
	// first tells that it is the stream's first batch of Arrow.
	first bool
}

// received is a request of a bulk stream on its way through the codec.
type received struct {
	message bulkMessage
	batch   *rowBatch
}

// take keeps the rows of a request as they came, and reports false where protobuf is to decode it.
func (r *received) take(data mem.BufferSlice) bool {
	buffer := aligned(data)
	batch, ok := wire.Split(buffer.ReadOnlyData())
	if !ok {
		buffer.Free()
		return false
	}
	r.batch = &rowBatch{
		sequence: batch.Sequence, count: batch.Count, size: len(batch.Rows) + len(batch.Arrow), raw: batch.Rows, buffer: buffer, arrow: batch.Arrow,
	}
	if len(batch.Arrow) > 0 {
		r.batch.count = arrowframe.Rows(batch.Arrow)
	}
	return true
}

// aligned puts a request in one place, its Arrow where eight bytes begin: then columns are read where they are.
func aligned(data mem.BufferSlice) mem.Buffer {
	const word = 8
	at := 0
	if len(data) > 0 {
		at = wire.ArrowAt(data[0].ReadOnlyData())
	}
	if at == 0 {
		return data.MaterializeToBuffer(&batchBuffers)
	}
	shift, size := -at&(word-1), data.Len()
	bytes := batchBuffers.Get(shift + size)
	data.CopyTo((*bytes)[shift:])
	whole := mem.NewBuffer(bytes, &batchBuffers)
	defer whole.Free()
	return whole.Slice(shift, shift+size)
}

// rows is how many rows the request has.
func (r *received) rows() int {
	if r.batch != nil {
		return r.batch.count
	}
	return batchRows(r.message.GetBatch())
}

// hasBatch reports whether the request is a batch.
func (r *received) hasBatch() bool { return r.batch != nil || r.message.GetBatch() != nil }

// receiveBulk takes the next request of a bulk stream. INVALID_REQUEST, MESSAGE_TOO_LARGE where it cannot be read, but for its rows.
func receiveBulk[T any, M interface {
	*T
	bulkMessage
}](stream grpc.ServerStream) (*bulkRequest[M], error) {
	request := &bulkRequest[M]{message: new(T)}
	r := &received{message: request.message}
	if err := stream.RecvMsg(r); err != nil {
		return nil, err
	}
	request.batch = r.batch
	if decoded := r.message.GetBatch(); decoded != nil {
		request.batch = &rowBatch{
			sequence: decoded.GetSequence(), count: batchRows(decoded), size: proto.Size(decoded), message: decoded, arrow: decoded.GetArrow(),
		}
	}
	return request, nil
}

// read goes through the rows of a batch, and gives back its buffer. INVALID_REQUEST.
func (b *rowBatch) read(rows *wire.Rows, row func(place int, customer *echelonv1.Customer, refused *echelonv1.RowError)) error {
	rows.Builder.Grow(b.count)
	if b.message != nil {
		for i, customer := range b.message.GetRows().GetCustomers() {
			row(i, customer, rows.Add(customer))
		}
		return nil
	}
	defer b.free()
	if rows.Read(b.raw, row) != nil {
		return errUndecodable()
	}
	return nil
}

// hash tells the rows of the batch from others. INVALID_REQUEST.
func (b *rowBatch) hash() ([]byte, error) {
	if b.message != nil {
		return jobs.Hash(b.message.GetRows()), nil
	}
	hash, err := jobs.HashWire(b.raw)
	if err != nil {
		b.free()
		return nil, errUndecodable()
	}
	return hash, nil
}

// free gives back the batch's buffer: its rows are not looked at any more.
func (b *rowBatch) free() {
	if b.buffer != nil {
		b.buffer.Free()
		b.raw, b.arrow, b.buffer = nil, nil, nil
	}
}

func errUndecodable() error {
	return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "%s", undecodable)
}
