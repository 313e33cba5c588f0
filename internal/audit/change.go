package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Call is who makes changes, and how.
type Call struct {
	// Actor is the principal's name, Credential what it was known by.
	Actor      string
	Credential echelonv1.AuditEntry_Credential
	// Method is the RPC without the leading slash.
	Method string
	// OnBehalfOf is for whom the actor says that it acts.
	OnBehalfOf string
	// Stream makes all changes of the call one entry, which End ends.
	Stream bool
}

// change is a call and, of a stream, what it has changed so far. It is used by one goroutine at a time.
type change struct {
	Call
	// openKey is the key of a stream's entry until its end.
	openKey string
	// last is a stream's entry as it was committed last; nil where nothing was.
	last *echelonv1.AuditEntry
}

type contextKey struct{}

// Begin returns a context under which changes are written down as those of a call.
func Begin(ctx context.Context, call Call) context.Context {
	c := &change{Call: call}
	if call.Stream {
		c.openKey = openPrefix + rand.Text()
	}
	return context.WithValue(ctx, contextKey{}, c)
}

// of returns the change of a context; nil where nobody makes one, such as the server for itself.
func of(ctx context.Context) *change {
	c, _ := ctx.Value(contextKey{}).(*change)
	return c
}

// entry returns the entry of what a transaction wrote.
func (c *change) entry(w *recorder, now time.Time) *echelonv1.AuditEntry {
	e := &echelonv1.AuditEntry{
		Time: timestamppb.New(now), Actor: c.Actor, Credential: c.Credential, Method: c.Method, OnBehalfOf: c.OnBehalfOf,
		Subject: w.subject, Customers: w.customers,
	}
	if decided := int64(len(w.decided)); decided > 1 || c.Stream {
		e.Customers += decided
	}
	if c.Stream && (w.customers > 0 || len(w.decided) > 0) {
		e.Subject = "customers"
	}
	if c.last != nil {
		e.Customers += c.last.GetCustomers()
	}
	return e
}

// recorder is a transaction that notes what is written.
type recorder struct {
	storage.Tx
	subject   string
	rank      int
	customers int64
	// decided are the customers on whom something was pinned, or of whom something was accepted.
	decided map[string]struct{}
}

// note keeps the subject that says most: a transaction writes a run and the publication that it becomes.
func (r *recorder) note(subject string, rank int) {
	if rank > r.rank {
		r.subject, r.rank = subject, rank
	}
}

// PutDocument implements storage.Tx.
func (r *recorder) PutDocument(kind storage.Kind, key string, document proto.Message) error {
	r.note(subjectOf(kind, key, document))
	r.decide(kind, key)
	return r.Tx.PutDocument(kind, key, document)
}

// decide counts the customers that a transaction decides on. Of several the entry names none.
func (r *recorder) decide(kind storage.Kind, key string) {
	_, id := storage.OverrideOf(key)
	if kind != storage.KindOverride && kind != storage.KindReview || id == "" {
		return
	}
	if r.decided == nil {
		r.decided = make(map[string]struct{})
	}
	if r.decided[id] = struct{}{}; len(r.decided) == 2 {
		r.note("customers", 4)
	}
}

// DeleteDocument implements storage.Tx.
func (r *recorder) DeleteDocument(kind storage.Kind, key string) error {
	r.note(subjectOf(kind, key, nil))
	r.decide(kind, key)
	return r.Tx.DeleteDocument(kind, key)
}

// PutCustomers implements storage.Tx.
func (r *recorder) PutCustomers(customers *frame.Frame, at time.Time) error {
	switch customers.Len() {
	case 0:
	case 1:
		r.note("customers/"+customers.IDs[0], 4)
	default:
		r.note("customers", 4)
	}
	r.customers += int64(customers.Len())
	return r.Tx.PutCustomers(customers, at)
}

// DeleteCustomer implements storage.Tx.
func (r *recorder) DeleteCustomer(id string) (bool, error) {
	existed, err := r.Tx.DeleteCustomer(id)
	if existed {
		r.note("customers/"+id, 4)
	}
	return existed, err
}

// EraseCustomer implements storage.Tx. The entry must not keep the id.
func (r *recorder) EraseCustomer(id string) (bool, error) {
	r.note(storage.ErasedSubject(id), 4)
	return r.Tx.EraseCustomer(id)
}

// subjectOf returns what people call a document, and how much that says of a change.
func subjectOf(kind storage.Kind, key string, document proto.Message) (subject string, rank int) {
	switch kind {
	case storage.KindOverlay, storage.KindChangeBatch, storage.KindChangePlace, storage.KindCustomerChange, storage.KindRunStart,
		storage.KindSchedule:
		return "", 0 // how a publication is kept, of which the run says all, and what follows from what is written with it
	case storage.KindOverride, storage.KindReview:
		_, id := storage.OverrideOf(key)
		if id == "" {
			return "", 0
		}
		return "customers/" + id, 3
	}
	switch d := document.(type) {
	case *storagev1.Job, *storagev1.JobBatch:
		return "", 0 // the customers that are stored with them say what was changed
	case *storagev1.Schema:
		if d.GetChanged() != "" {
			return "schema/attributes/" + d.GetChanged(), 3
		}
		return "schema", 1
	case *echelonv1.Run:
		return fmt.Sprintf("models/%s/runs/%s", d.GetModel(), d.GetId()), 3
	case *echelonv1.ModelVersion:
		return fmt.Sprintf("models/%s/versions/%d", d.GetName(), d.GetVersion()), 3
	case *storagev1.ModelHead:
		return fmt.Sprintf("models/%s/versions/%d", key, d.GetActiveVersion()), 2
	}
	return kind.String() + " " + key, 1
}
