package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// errorBytes is how much of a batch's row errors is kept for those who ask again.
const errorBytes = 64 << 10

// Ledger is the jobs of a store. It may be used by several goroutines.
type Ledger struct {
	store     storage.Store
	now       func() time.Time
	retention time.Duration
}

// New returns the ledger of a store, which forgets a job's batches that long after the last one.
func New(store storage.Store, now func() time.Time, retention time.Duration) *Ledger {
	return &Ledger{store: store, now: now, retention: retention}
}

// Job is a job that was opened. It may be open several times at once.
type Job struct {
	ledger *Ledger
	id     string
	// opened is what the job is for those who open it: it must not change.
	opened *storagev1.Job
	last   int64
}

// Open returns the job that a header names, as it is now. JOB_EXPIRED, JOB_MISMATCH.
func (l *Ledger) Open(ctx context.Context, principal string, header *echelonv1.ImportHeader) (*Job, error) {
	pins := proto.CloneOf(header)
	pins.JobId = ""
	j := &Job{ledger: l, id: header.GetJobId(), opened: &storagev1.Job{Principal: principal, Header: pins}}
	view, err := l.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	kept, err := j.read(view)
	if err != nil {
		return nil, err
	}
	j.last = kept.GetLastSequence()
	return j, nil
}

// Last is the last batch that was stored when the job was opened; 0 where none was.
func (j *Job) Last() int64 { return j.last }

// Once answers a batch within an Update: as it was answered before, where it was stored, or else with what store answers, which writes to the same
// Tx. OUT_OF_SEQUENCE, BATCH_MISMATCH, JOB_EXPIRED, JOB_MISMATCH.
func (j *Job) Once(tx storage.Tx, sequence int64, hash []byte, store func() (*echelonv1.ImportedBatch, error)) (*echelonv1.ImportedBatch, error) {
	kept, err := j.read(tx)
	if err != nil {
		return nil, err
	}
	last := kept.GetLastSequence()
	switch {
	case sequence < 1 || sequence > last+1:
		return nil, fault.New(echelonv1.ErrorReason_OUT_OF_SEQUENCE, "the batch has sequence %d, and %d follows: go on there; what the job %q has stored can be sent again",
			sequence, last+1, j.id)
	case sequence <= last:
		return j.again(tx, sequence, hash)
	}
	answer, err := store()
	if err != nil {
		return nil, err
	}
	if err := tx.PutDocument(storage.KindJobBatch, batchKey(j.id, sequence), &storagev1.JobBatch{Hash: hash, Answer: bounded(answer)}); err != nil {
		return nil, err
	}
	kept.LastSequence, kept.UseTime = sequence, timestamppb.New(j.ledger.now())
	return answer, tx.PutDocument(storage.KindJob, j.id, kept)
}

// read returns what is kept of the job, and what it begins as where nothing is. JOB_EXPIRED, JOB_MISMATCH.
func (j *Job) read(documents storage.Documents) (*storagev1.Job, error) {
	kept := &storagev1.Job{}
	err := documents.Document(storage.KindJob, j.id, kept)
	if errors.Is(err, storage.ErrNotFound) {
		kept = proto.CloneOf(j.opened)
		kept.CreateTime = timestamppb.New(j.ledger.now())
		return kept, nil
	}
	if err != nil {
		return nil, err
	}
	switch {
	case kept.GetPrincipal() != j.opened.GetPrincipal():
		return nil, fault.New(echelonv1.ErrorReason_JOB_MISMATCH, "the job %q is another principal's: take an id of your own, such as a random one", j.id)
	case j.ledger.expired(kept):
		return nil, fault.New(echelonv1.ErrorReason_JOB_EXPIRED,
			"the job %q stored its last batch, number %d, on %s, and its numbers are forgotten: what it stored stays; import the whole file again under a new id",
			j.id, kept.GetLastSequence(), kept.GetUseTime().AsTime().Format(time.DateOnly)).With("job_last_sequence", fmt.Sprint(kept.GetLastSequence()))
	case !proto.Equal(kept.GetHeader(), j.opened.GetHeader()):
		return nil, fault.New(echelonv1.ErrorReason_JOB_MISMATCH, "the job %q was opened with other options: give the header that it began with, or a new id", j.id)
	}
	return kept, nil
}

// expired reports whether a job's batches are forgotten, or will be at any moment.
func (l *Ledger) expired(kept *storagev1.Job) bool {
	return kept.GetExpired() || l.now().After(kept.GetUseTime().AsTime().Add(l.retention))
}

// again returns the answer to a batch that was stored. BATCH_MISMATCH.
func (j *Job) again(tx storage.Tx, sequence int64, hash []byte) (*echelonv1.ImportedBatch, error) {
	batch := &storagev1.JobBatch{}
	if err := tx.Document(storage.KindJobBatch, batchKey(j.id, sequence), batch); err != nil {
		return nil, fmt.Errorf("reading the batch %d of the job %q: %w", sequence, j.id, err)
	}
	if !bytes.Equal(batch.GetHash(), hash) {
		return nil, fault.New(echelonv1.ErrorReason_BATCH_MISMATCH,
			"the job %q has stored other customers as its batch %d; nothing was stored now: resume with the same customers in batches of the same size, or take a new id",
			j.id, sequence)
	}
	answer := batch.GetAnswer()
	if answer == nil {
		answer = &echelonv1.ImportedBatch{}
	}
	answer.Sequence, answer.Repeated = sequence, true
	return answer, nil
}

// bounded returns what is kept of an answer: not its number, which the key has, and not all of very many errors.
func bounded(answer *echelonv1.ImportedBatch) *echelonv1.ImportedBatch {
	listed, size := 0, 0
	for _, e := range answer.GetErrors() {
		if size += proto.Size(e); size > errorBytes {
			break
		}
		listed++
	}
	all := answer.GetErrors()
	answer.Errors = all[:listed] // so that not all are cloned
	kept := proto.CloneOf(answer)
	answer.Errors = all
	kept.Sequence, kept.UnlistedErrors = 0, int64(len(all)-listed)
	return kept
}

// batchKey is the key of a job's batch. The keys of one job ascend by sequence; they begin with batchPrefix.
func batchKey(id string, sequence int64) string {
	return fmt.Sprintf("%s%019d", batchPrefix(id), sequence)
}

// batchPrefix begins with the id's length, so that no id's prefix begins another's.
func batchPrefix(id string) string { return fmt.Sprintf("%03d/%s/", len(id), id) }
