package server

import (
	"context"

	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/jobs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// sweepJobs begins to remove what jobs that expired have left, until the server stops.
func (s *Server) sweepJobs(ctx context.Context, ledger *jobs.Ledger) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ledger.SweepUntil(ctx, func(err error) {
			s.config.Log.Warn("jobs that expired could not be removed; it is tried again later", "error", err)
		})
	}()
	return func() {
		cancel()
		<-ended
	}
}

// openJob returns the job that a header names; nil where it names none. JOB_EXPIRED, JOB_MISMATCH.
func (s *customerService) openJob(ctx context.Context, header *echelonv1.ImportHeader) (*jobs.Job, error) {
	if header.GetJobId() == "" {
		return nil, nil
	}
	return s.jobs.Open(ctx, identity.From(ctx).Name, header)
}

// once does a batch's work in one commit: as often as the batch comes where the stream has no job, else once.
func (s *customerService) once(ctx context.Context, job *jobs.Job, sequence int64, hash []byte,
	work func(storage.Tx) (*echelonv1.ImportedBatch, error)) (answer *echelonv1.ImportedBatch, err error) {
	err = s.intake.Commit(ctx, func(tx storage.Tx) error {
		if job == nil {
			answer, err = work(tx)
		} else {
			answer, err = job.Once(tx, sequence, hash, func() (*echelonv1.ImportedBatch, error) { return work(tx) })
		}
		return err
	})
	return answer, err
}
