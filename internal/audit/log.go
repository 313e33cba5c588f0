package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Keys of entries: ended ones by their sequence, and those of streams that are under way. Both are on disk: they are never changed.
const (
	logPrefix  = "log/"
	openPrefix = "open/"
)

func logKey(sequence int64) string { return fmt.Sprintf("%s%019d", logPrefix, sequence) }

// Log is the entries of a store. It may be used by several goroutines.
type Log struct {
	store storage.Store
	now   func() time.Time

	mu sync.Mutex
	// next is the sequence of the next entry; pending are those that are given, but whose commit is under way.
	next    int64
	pending map[int64]bool
	// changed is closed when an entry was written, and replaced.
	changed chan struct{}
}

// Open returns the log of a store. Entries of streams that a crash cut off are ended.
func Open(ctx context.Context, store storage.Store, now func() time.Time) (*Log, error) {
	l := &Log{store: store, now: now, next: 1, pending: make(map[int64]bool), changed: make(chan struct{})}
	view, err := store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	for document, err := range view.Documents(storage.KindAudit, storage.DocumentScan{Prefix: logPrefix, Descending: true}) {
		if err != nil {
			return nil, err
		}
		last, err := decode(document)
		if err != nil {
			return nil, err
		}
		l.next = last.GetSequence() + 1
		break
	}
	for document, err := range view.Documents(storage.KindAudit, storage.DocumentScan{Prefix: openPrefix}) {
		if err != nil {
			return nil, err
		}
		cut, err := decode(document)
		if err != nil {
			return nil, err
		}
		if err := l.end(ctx, document.Key, cut); err != nil {
			return nil, fmt.Errorf("ending the audit entry of a stream that was cut off: %w", err)
		}
	}
	return l, nil
}

func decode(document storage.Document) (*echelonv1.AuditEntry, error) {
	e := &echelonv1.AuditEntry{}
	return e, document.Decode(e)
}

// End ends the entry of a stream, whose context Begin made. What the stream changed is written down already; its entry is now in the log.
func (l *Log) End(ctx context.Context) error {
	c := of(ctx)
	if c == nil || c.last == nil {
		return nil
	}
	return l.end(context.WithoutCancel(ctx), c.openKey, c.last)
}

// end puts the entry of a stream among those that ended.
func (l *Log) end(ctx context.Context, openKey string, e *echelonv1.AuditEntry) error {
	ended := proto.CloneOf(e)
	ended.Sequence = l.begin()
	defer l.done(ended.GetSequence())
	return l.store.Update(ctx, func(tx storage.Tx) error {
		if err := tx.PutDocument(storage.KindAudit, logKey(ended.GetSequence()), ended); err != nil {
			return err
		}
		return tx.DeleteDocument(storage.KindAudit, openKey)
	})
}

// begin gives the next sequence; done says that its commit is over.
func (l *Log) begin() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	l.pending[l.next-1] = true
	return l.next - 1
}

func (l *Log) done(sequence int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, sequence)
	close(l.changed)
	l.changed = make(chan struct{})
}

// settled returns the sequence up to which no entry can come any more, and a channel that is closed when that may have changed.
func (l *Log) settled() (int64, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.next - 1
	for sequence := range l.pending {
		last = min(last, sequence-1)
	}
	return last, l.changed
}

// update is an Update whose changes are written down with it.
func (l *Log) update(ctx context.Context, c *change, fn func(storage.Tx) error) error {
	var sequence int64
	var written *echelonv1.AuditEntry
	defer func() {
		if sequence != 0 {
			l.done(sequence)
		}
	}()
	err := l.store.Update(ctx, func(tx storage.Tx) error {
		w := &recorder{Tx: tx}
		written = nil
		if err := fn(w); err != nil || w.rank == 0 {
			return err
		}
		written = c.entry(w, l.now())
		if c.Stream {
			return tx.PutDocument(storage.KindAudit, c.openKey, written)
		}
		if sequence == 0 {
			sequence = l.begin()
		}
		written.Sequence = sequence
		return tx.PutDocument(storage.KindAudit, logKey(sequence), written)
	})
	if err == nil && c.Stream && written != nil {
		c.last = written
	}
	return err
}

// Filter tells which entries are wanted.
type Filter struct {
	// Actor is whose; all where empty.
	Actor string
	// Subject is what the subject begins with.
	Subject string
}

func (f Filter) wants(e *echelonv1.AuditEntry) bool {
	return (f.Actor == "" || f.Actor == e.GetActor()) && strings.HasPrefix(e.GetSubject(), f.Subject)
}

// List returns up to limit entries, the newest first and those before a sequence; 0 begins with the newest.
func (l *Log) List(ctx context.Context, before int64, limit int, f Filter) ([]*echelonv1.AuditEntry, error) {
	scan := storage.DocumentScan{Prefix: logPrefix, Descending: true}
	if before > 0 {
		scan.After = logKey(before)
	}
	return l.read(ctx, scan, limit, f.wants)
}

// After returns up to limit entries after a sequence, the oldest first. No entry can come between them later. Changed is closed when there may be more.
func (l *Log) After(ctx context.Context, sequence int64, limit int) (entries []*echelonv1.AuditEntry, changed <-chan struct{}, err error) {
	last, changed := l.settled()
	scan := storage.DocumentScan{Prefix: logPrefix, After: logKey(sequence)}
	entries, err = l.read(ctx, scan, limit, func(*echelonv1.AuditEntry) bool { return true })
	for i, e := range entries {
		if e.GetSequence() > last {
			return entries[:i], changed, err
		}
	}
	return entries, changed, err
}

func (l *Log) read(ctx context.Context, scan storage.DocumentScan, limit int, wants func(*echelonv1.AuditEntry) bool) ([]*echelonv1.AuditEntry, error) {
	view, err := l.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var entries []*echelonv1.AuditEntry
	for document, err := range view.Documents(storage.KindAudit, scan) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		e, err := decode(document)
		if err != nil {
			return nil, err
		}
		if !wants(e) {
			continue
		}
		if entries = append(entries, e); len(entries) == limit {
			break
		}
	}
	return entries, nil
}

// Sequence reads a sequence that Position wrote; false where the text is none.
func Sequence(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

// Position writes a sequence for a cursor.
func Position(sequence int64) string { return strconv.FormatInt(sequence, 10) }
