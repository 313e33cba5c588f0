package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Erased is what was erased of a customer.
type Erased struct {
	// Existed tells whether it was stored.
	Existed bool
	// OverlayRows is how many assignments in overlays, Snapshots in how many snapshots an assignment.
	OverlayRows, Snapshots int64
	// Runs, Calibrations and AuditEntries are how many of them named it.
	Runs, Calibrations, AuditEntries int64
}

// erasure is one that is under way.
type erasure struct {
	store storage.Store
	id    string
	// at is the commit at which the customer was removed; what was made later is of one that was stored anew.
	at     storage.Commit
	erased *Erased
}

// Erase removes a customer and all that is kept of it. The customer is gone with the first commit; the rest
// follows in others, and an erasure that was broken off is taken up by another one. Runs that are under way leave the customer out at their end.
func (i *Intake) Erase(ctx context.Context, id string) (*Erased, error) {
	i.commits.RLock()
	defer i.commits.RUnlock()
	e := &erasure{store: i.store, id: id, erased: &Erased{}}
	err := i.store.Update(ctx, func(tx storage.Tx) (err error) {
		e.erased.Existed, err = i.remove(ctx, tx, id, true)
		return err
	})
	if err == nil {
		// The change is written down with that commit; the rest is part of it, and nobody's own.
		i.feed.Wake()
		err = e.rest(unnamed{ctx})
	}
	if err != nil {
		return nil, err
	}
	return e.erased, nil
}

// unnamed is a context that says nothing of who calls.
type unnamed struct{ context.Context }

// Value implements context.Context.
func (unnamed) Value(any) any { return nil }

// rest removes what is kept of the customer beside its row.
func (e *erasure) rest(ctx context.Context) error {
	view, err := e.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	tombstone, err := view.Tombstone(e.id)
	if errors.Is(err, storage.ErrNotFound) {
		// The id is none, or another deletion's tombstone is forgotten already: there is nothing that is older than what is seen.
		tombstone, err = &storage.Tombstone{Version: view.ReadPoint()}, nil
	}
	if err != nil {
		return err
	}
	e.at = tombstone.Version
	for _, step := range []func(context.Context, storage.Reader) error{e.overlays, e.snapshots, e.changes, e.runs, e.calibrations, e.jobs, e.audit} {
		if err := step(ctx, view); err != nil {
			return fmt.Errorf("erasing what is kept of a customer: %w", err)
		}
	}
	return nil
}

func (e *erasure) overlays(ctx context.Context, view storage.Reader) error {
	names, err := view.OverlayNames(ctx)
	if err != nil {
		return err
	}
	return e.store.Update(ctx, func(tx storage.Tx) error {
		e.erased.OverlayRows = 0
		for _, name := range names {
			existed, err := tx.DeleteOverlayRow(name, e.id, e.at)
			if err != nil {
				return err
			}
			if existed {
				e.erased.OverlayRows++
			}
		}
		return nil
	})
}

// snapshots rewrites the blocks that name the customer, those of runs that read it before.
func (e *erasure) snapshots(ctx context.Context, view storage.Reader) error {
	names, err := view.SnapshotNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		run := &echelonv1.Run{}
		if err := view.Document(storage.KindRun, name, run); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if storage.Commit(run.GetReadPoint()) >= e.at {
			continue
		}
		found, err := redact(ctx, e.store, name, e.id)
		if err != nil {
			return err
		}
		if _, changes := storage.BatchOf(name); found && !changes {
			e.erased.Snapshots++
		}
	}
	return nil
}

// changes removes the changes that name the customer.
func (e *erasure) changes(ctx context.Context, view storage.Reader) error {
	return feed.Erase(ctx, e.store, view, e.id, e.at)
}

// redact removes a customer from a snapshot, and says whether it was in it.
func redact(ctx context.Context, store storage.Store, name, id string) (bool, error) {
	return store.RewriteBlock(ctx, name, id, func(block *storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error) {
		left, err := snapshot.Without(block, id)
		return []*storagev1.SnapshotBlock{left}, err
	})
}

// rewrite goes through the documents of a kind, and stores those anew that change makes others of.
func (e *erasure) rewrite(ctx context.Context, view storage.Reader, kind storage.Kind, made func() proto.Message,
	change func(proto.Message) (bool, error)) (n int64, err error) {
	for document, err := range view.Documents(kind, storage.DocumentScan{}) {
		if err == nil {
			err = ctx.Err()
		}
		message, changed := made(), false
		if err == nil {
			err = document.Decode(message)
		}
		if err == nil {
			changed, err = change(message)
		}
		if err == nil && changed {
			changed, err = e.rewriteOne(ctx, kind, document.Key, made(), change)
		}
		if err != nil {
			return n, err
		}
		if changed {
			n++
		}
	}
	return n, nil
}

// rewriteOne changes a document as it is now, and says whether there was anything to change.
func (e *erasure) rewriteOne(ctx context.Context, kind storage.Kind, key string, into proto.Message, change func(proto.Message) (bool, error)) (changed bool, err error) {
	err = e.store.Update(ctx, func(tx storage.Tx) error {
		changed = false
		if err := tx.Document(kind, key, into); err != nil {
			if errors.Is(err, storage.ErrNotFound) {
				return nil // somebody removed it
			}
			return err
		}
		if changed, err = change(into); err != nil || !changed {
			return err
		}
		return tx.PutDocument(kind, key, into)
	})
	return changed, err
}

// runs removes the customer from the lists of those that were refused, and from findings.
func (e *erasure) runs(ctx context.Context, view storage.Reader) (err error) {
	made := func() proto.Message { return &echelonv1.Run{} }
	e.erased.Runs, err = e.rewrite(ctx, view, storage.KindRun, made, func(m proto.Message) (bool, error) {
		return forgetRefused(m.(*echelonv1.Run), func(id string) bool { return id == e.id }), nil
	})
	return err
}

// jobs removes the customer from the answers of batches, of which those that name it as refused are kept for whoever sends them again.
func (e *erasure) jobs(ctx context.Context, view storage.Reader) error {
	made := func() proto.Message { return &storagev1.JobBatch{} }
	_, err := e.rewrite(ctx, view, storage.KindJobBatch, made, func(m proto.Message) (bool, error) {
		answer := m.(*storagev1.JobBatch).GetAnswer()
		before := len(answer.GetErrors())
		left := slices.DeleteFunc(answer.GetErrors(), func(row *echelonv1.RowError) bool { return row.GetCustomerId() == e.id })
		if len(left) < before {
			answer.Errors, answer.UnlistedErrors = left, answer.GetUnlistedErrors()+int64(before-len(left))
		}
		return len(left) < before, nil
	})
	return err
}

// forgetRefused takes customers that are gone out of a run's record, and says whether they were in it. A failure that names a customer keeps its cause.
func forgetRefused(run *echelonv1.Run, gone func(id string) bool) (changed bool) {
	var left []*echelonv1.RowError
	for _, refused := range run.GetRefused() {
		if gone(refused.GetCustomerId()) {
			changed = true
			continue
		}
		left = append(left, refused)
	}
	run.Refused = left
	changed = forgetExamples(run.GetFindings(), gone) || changed
	if before, after, named := strings.Cut(run.GetFailure(), "customer "); named {
		if quoted, err := strconv.QuotedPrefix(after); err == nil {
			if id, err := strconv.Unquote(quoted); err == nil && gone(id) {
				run.Failure, changed = before+erasedSince+after[len(quoted):], true
			}
		}
	}
	return changed
}

// calibrations puts in place of the id, where a line ends with the customer, the stored customer before it, and removes it from findings.
func (e *erasure) calibrations(ctx context.Context, view storage.Reader) (err error) {
	made := func() proto.Message { return &echelonv1.Calibration{} }
	lines := &lineEnds{gone: func(id string) bool { return id == e.id }, view: view}
	e.erased.Calibrations, err = e.rewrite(ctx, view, storage.KindCalibration, made, func(m proto.Message) (bool, error) {
		named := forgetExamples(m.(*echelonv1.Calibration).GetFindings(), lines.gone)
		ends, err := lines.replace(ctx, m)
		return named || ends, err
	})
	return err
}

// lineEnds finds who stands in place of customers that are gone at the end of a calibration's lines: the stored customer before it, so that every
// line stays where it is among those that are stored.
type lineEnds struct {
	gone   func(id string) bool
	view   storage.Reader
	before map[string]string
}

// replace puts others in place of those that are gone, and says whether there were such.
func (l *lineEnds) replace(ctx context.Context, calibration proto.Message) (changed bool, err error) {
	for _, key := range orderKeys(calibration.ProtoReflect()) {
		if !l.gone(key.GetId()) {
			continue
		}
		if key.Id, err = l.stand(ctx, key.GetId()); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// stand returns the last stored customer before an id; empty where there is none.
func (l *lineEnds) stand(ctx context.Context, id string) (string, error) {
	if before, known := l.before[id]; known {
		return before, nil
	}
	before := ""
	for key, err := range l.view.CustomerKeys(ctx, "") {
		if err != nil {
			return "", err
		}
		if key.ID >= id {
			break
		}
		before = key.ID
	}
	if l.before == nil {
		l.before = make(map[string]string)
	}
	l.before[id] = before
	return before, nil
}

// orderKeys returns the keys of all lines within a message.
func orderKeys(m protoreflect.Message) (keys []*echelonv1.OrderKey) {
	if key, ok := m.Interface().(*echelonv1.OrderKey); ok {
		return []*echelonv1.OrderKey{key}
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				keys = append(keys, orderKeys(value.List().Get(i).Message())...)
			}
		default:
			keys = append(keys, orderKeys(value.Message())...)
		}
		return true
	})
	return keys
}

// audit puts a hash in place of the id in the entries of the log.
func (e *erasure) audit(ctx context.Context, view storage.Reader) (err error) {
	made := func() proto.Message { return &echelonv1.AuditEntry{} }
	e.erased.AuditEntries, err = e.rewrite(ctx, view, storage.KindAudit, made, func(m proto.Message) (bool, error) {
		entry := m.(*echelonv1.AuditEntry)
		if entry.GetSubject() != "customers/"+e.id {
			return false, nil
		}
		entry.Subject = storage.ErasedSubject(e.id)
		return true, nil
	})
	return err
}
