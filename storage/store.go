package storage

import (
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Limits of what is kept under a name.
const (
	// MaxKeyBytes is the longest key of a document and the longest name of a snapshot, in bytes.
	MaxKeyBytes = 1024
	// DefaultBatchRows is how many customers a batch of a scan holds where nothing is said.
	DefaultBatchRows = 1024
)

// Commit is a position in a store's history. A later commit is larger; 0 is before the first. Numbers may be left out.
type Commit uint64

// Store keeps customers, snapshots and documents. Its methods may be called by several goroutines.
type Store interface {
	Snapshots

	// DeleteOverlay removes all rows of an overlay, in several commits; called again it goes on. Removing what is not there is harmless.
	DeleteOverlay(ctx context.Context, overlay string) error

	// View opens a view of the store at its newest commit. Every update that was acknowledged before is in it. The Reader must be closed.
	View(ctx context.Context) (Reader, error)

	// Update calls fn and commits what fn wrote as one commit, durable when Update returns; if fn fails nothing is written and its error is
	// returned as it is. If somebody else changed meanwhile what fn had read, fn is called again with a new Tx, so it must have no effect but
	// on the Tx and may not keep results of a call before; after several attempts ErrConflict is returned. A Tx is used by one goroutine and
	// not after fn. More than fits one commit is ErrTooLarge, and nothing is written.
	Update(ctx context.Context, fn func(tx Tx) error) error

	// PutCustomers is an Update of nothing but Tx.PutCustomers.
	PutCustomers(ctx context.Context, customers *frame.Frame, at time.Time) error

	// DeleteCustomer is an Update of nothing but Tx.DeleteCustomer.
	DeleteCustomer(ctx context.Context, id string) (existed bool, err error)

	// Revision returns a number that another one follows when a document of a kind is written: what was read after asking for it is what is there
	// as long as it is the same. It reports false while such a document is being written, and once the store is closed: then read.
	Revision(kind Kind) (revision uint64, known bool)

	// Close ends the store: whatever is called later returns ErrClosed, scans that are under way end with it, and Close waits until every Reader
	// is closed and every Update over. Closing twice is harmless.
	Close() error
}

// Reader is a view of the store at one commit. It may be used by several goroutines; after Close its methods return ErrClosed.
type Reader interface {
	Documents
	Overlays
	Tombstones

	// ReadPoint is the commit that is seen. What was written later has a larger version.
	ReadPoint() Commit

	// Customer returns a batch of one customer: its row as the view sees it or, where it breaks the view's rules, the error. ErrNotFound if there is
	// no such customer. For view see Customers.
	Customer(id string, view *frame.Schema) (*CustomerBatch, error)

	// Customers goes through all customers, ascending by the bytes of their ids. The view names the fields to read and their rules (values,
	// required): fields that a row lacks, or that the store's schema does not know, are missing; attributes that the view lacks are left out;
	// nil reads all attributes of the schema. A view with another type than the schema's ends the scan with a *SchemaConflictError, a damaged
	// row with a *CorruptError, an end of ctx with its error, looked at once a batch.
	Customers(ctx context.Context, view *frame.Schema, scan CustomerScan) iter.Seq2[*CustomerBatch, error]

	// CustomerPages gives the batches of Customers, the same in the same order, as pages that are still to be decoded, for those who do so in several
	// goroutines. So many readers read ahead, each another range of ids, a few megabytes at most. Errors come where Customers has them, those of a
	// row when its page is decoded.
	CustomerPages(ctx context.Context, view *frame.Schema, scan CustomerScan, readers int) iter.Seq2[CustomerPage, error]

	// CustomerKeys goes through the ids, ascending by their bytes and after the given one ("" for all), without reading a row.
	CustomerKeys(ctx context.Context, after string) iter.Seq2[CustomerKey, error]

	// SnapshotBlock returns the one block of a snapshot that holds the customer, if any block does: where it does not name the id, the snapshot does
	// not. ErrNotFound if there is no snapshot of that name, or none of its ids is so large. Others may have the same
	// block: it must not be changed.
	SnapshotBlock(snapshot, id string) (*storagev1.SnapshotBlock, error)

	// SnapshotBlocks goes through the blocks of a snapshot that may hold ids after the given one ("" for all), ascending. The first may begin with
	// ids that are not after it.
	SnapshotBlocks(ctx context.Context, snapshot, after string) iter.Seq2[*storagev1.SnapshotBlock, error]

	// SnapshotPages gives the blocks of SnapshotBlocks, the same in the same order, as pages that are still to be decoded, for those who do so in several
	// goroutines. Errors come where SnapshotBlocks has them, those of a block when its page is decoded.
	SnapshotPages(ctx context.Context, snapshot, after string) iter.Seq2[SnapshotPage, error]

	// SnapshotNames returns the names of all snapshots of which there is a block, complete or not, ascending: what no document names was left
	// behind by a crash, or is being written.
	SnapshotNames(ctx context.Context) ([]string, error)

	// Close ends the view and lets the store forget what only it could see. Closing twice is harmless.
	Close()
}

// Tx is the reads and writes of one Update. Reads see what the Tx has written.
type Tx interface {
	Documents
	OverlayWriter

	// PutDocument stores a document in place of the one of that kind and key, if any.
	PutDocument(kind Kind, key string, document proto.Message) error

	// DeleteDocument removes a document. Removing what is not there is harmless.
	DeleteDocument(kind Kind, key string) error

	// PutCustomers stores every row in place of what is stored of that customer: a missing value is missing afterwards. Fields must be in the
	// store's schema with the same type, else the answer is a *SchemaConflictError. Of two rows of one customer the later stands. The update
	// time is at, cut to the microsecond.
	PutCustomers(customers *frame.Frame, at time.Time) error

	// DeleteCustomer removes a customer and leaves its tombstone, and says whether there was one; where there was none, nothing is written.
	DeleteCustomer(id string) (existed bool, err error)

	// EraseCustomer is DeleteCustomer, but that it leaves the tombstone of one that was erased, also where there was no customer.
	EraseCustomer(id string) (existed bool, err error)

	// CustomerVersion returns the commit at which a customer was written. ErrNotFound. It has no meaning for what the Tx wrote itself.
	CustomerVersion(id string) (Commit, error)

	// ForgetTombstone removes a tombstone, if it is still the one that was read.
	ForgetTombstone(tombstone *Tombstone) error
}

// CustomerScan narrows a scan of customers.
type CustomerScan struct {
	// After is the id after which the scan begins; "" begins with the first.
	After string
	// BatchRows is how many customers a batch holds at most; DefaultBatchRows where 0. A batch of very long rows holds fewer.
	BatchRows int
	// Limit is how many customers are read at most; 0 reads all.
	Limit int
	// Since leaves out the customers that were written at this commit or before. What is old is passed by, not read.
	Since Commit
}

// Rows returns how many customers a batch holds at most.
func (s CustomerScan) Rows() int {
	rows := s.BatchRows
	if rows <= 0 {
		rows = DefaultBatchRows
	}
	if s.Limit > 0 {
		rows = min(rows, s.Limit)
	}
	return rows
}

// CustomerBatch is consecutive customers of a scan. Every customer that was read is either a row of Frame or one of Errors.
type CustomerBatch struct {
	// Frame is the customers that obey the view's rules, ascending.
	Frame *frame.Frame
	// Versions are the commits at which the rows of Frame were written.
	Versions []Commit
	// UpdateTimes are when the rows of Frame were written, in UTC, to the microsecond.
	UpdateTimes []time.Time
	// Errors are the customers that break a rule of the view, ascending. Their index is not set.
	Errors []*echelonv1.RowError
	// Last is the last id that was read; a scan that goes on after this batch begins after it.
	Last string
}

// CustomerPage is a batch of a scan that is still to be decoded.
type CustomerPage interface {
	// Decode returns the batch, or the *CorruptError of a row. It is called once, also when the scan has ended.
	Decode() (*CustomerBatch, error)
}

// SnapshotPage is a block of a snapshot that is still to be decoded.
type SnapshotPage interface {
	// Last is the last id of the block.
	Last() string
	// Decode returns the block, or the *CorruptError of one that is damaged. Each call gives another one, also when the scan has ended.
	Decode() (*storagev1.SnapshotBlock, error)
}

// CustomerKey is a stored customer without its row.
type CustomerKey struct {
	// ID is the customer's id.
	ID string
	// Version is the commit at which its row was written.
	Version Commit
}

// Snapshots writes and removes snapshots. A snapshot is written in several commits: nobody should look at it before a document names it.
type Snapshots interface {
	// WriteSnapshot begins a snapshot of that name. ErrExists if it has a block already. The writer must be closed or aborted.
	WriteSnapshot(ctx context.Context, snapshot string) (SnapshotWriter, error)

	// DeleteSnapshot removes all blocks of a snapshot, in several commits; called again it goes on. Removing what is not there is harmless.
	DeleteSnapshot(ctx context.Context, snapshot string) error

	// RewriteBlock puts, in one commit, in place of the block that names a customer what rewrite makes of it: blocks of customers between those of the
	// blocks before and after it, ascending, or none. It says whether there is such a block. Rewrite may be called several times.
	RewriteBlock(ctx context.Context, snapshot, id string, rewrite Rewrite) (bool, error)
}

// Rewrite makes of a block the blocks that are to be in its place. A commit holds what it makes: some thousand customers.
type Rewrite = func(*storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error)

// SnapshotWriter writes one snapshot. It is used by one goroutine.
type SnapshotWriter interface {
	// Append adds a block, which is not kept. It must have ids, all of them ascending and after those of the block before.
	Append(block *storagev1.SnapshotBlock) error
	// Close makes what was appended durable. A writer whose Append failed cannot be closed: it returns that error and should be aborted.
	Close() error
	// Abort removes what was written. After Close it does nothing.
	Abort() error
}
