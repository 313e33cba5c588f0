package client

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// overrideBatch is how many overrides a batch holds.
const overrideBatch = 500

// SetOverride pins a tier, a persona or a segment on a stored customer, in place of the override of that customer and item. Where an etag is given, it must be
// that of the override that is replaced, and there must be none where it is empty; else OVERRIDE_CHANGED.
func (c *Client) SetOverride(ctx context.Context, override *echelonv1.Override, etag *string) (*echelonv1.Override, error) {
	res, err := c.assignments.SetOverride(ctx, &echelonv1.SetOverrideRequest{Override: override, Etag: etag})
	return answered(res.GetOverride(), err)
}

// GetOverride returns an override. OVERRIDE_NOT_FOUND.
func (c *Client) GetOverride(ctx context.Context, model, customerID, item string) (*echelonv1.Override, error) {
	res, err := c.assignments.GetOverride(ctx, &echelonv1.GetOverrideRequest{Model: model, CustomerId: customerID, Item: item})
	return answered(res.GetOverride(), err)
}

// Overrides iterates over the overrides that a request selects, by customer and item. Its page token is not looked at.
func (c *Client) Overrides(ctx context.Context, request *echelonv1.ListOverridesRequest) iter.Seq2[*echelonv1.Override, error] {
	request = proto.CloneOf(request)
	return pages(func(token string) ([]*echelonv1.Override, string, error) {
		request.PageToken = token
		res, err := c.assignments.ListOverrides(ctx, request)
		return res.GetOverrides(), res.GetNextPageToken(), err
	})
}

// DeleteOverride ends an override; with an etag only if it is still that one. OVERRIDE_NOT_FOUND, OVERRIDE_CHANGED.
func (c *Client) DeleteOverride(ctx context.Context, model, customerID, item, etag string) error {
	_, err := c.assignments.DeleteOverride(ctx, &echelonv1.DeleteOverrideRequest{Model: model, CustomerId: customerID, Item: item, Etag: etag})
	return typed(err)
}

// OverrideProgress is how far an import of overrides is, after one more batch.
type OverrideProgress struct {
	// Acknowledged is how many overrides, from the first, are set durably or refused; Stored is how many of them were set.
	Acknowledged, Stored int64
	// Errors are those that this batch refused; their index is the place in the caller's sequence, from 0.
	Errors []*echelonv1.OverrideError
}

// ImportOverrides sets as many overrides as the sequence yields, in batches, and yields the progress after each. An override replaces the one of its
// customer and item, so that an import that broke off may go on after Acknowledged, or begin again. An error of the sequence ends it.
func (c *Client) ImportOverrides(ctx context.Context, overrides iter.Seq2[*echelonv1.Override, error]) iter.Seq2[OverrideProgress, error] {
	return sequence(func(emit func(OverrideProgress) error) error {
		guard := newGuard(ctx, c.stall)
		defer guard.release()
		i := &overrideImport{guard: guard, emit: emit}
		err := guard.do(func(ctx context.Context) (err error) { i.stream, err = c.assignments.ImportOverrides(ctx); return err })
		if err != nil {
			return typed(err)
		}
		for override, err := range overrides {
			if err != nil {
				return err
			}
			if i.batch = append(i.batch, override); len(i.batch) == overrideBatch {
				if err := i.send(); err != nil {
					return err
				}
			}
		}
		return i.end()
	})
}

// overrideImport is an import that is under way: one batch after the other.
type overrideImport struct {
	guard    *guard
	stream   grpc.BidiStreamingClient[echelonv1.ImportOverridesRequest, echelonv1.ImportOverridesResponse]
	emit     func(OverrideProgress) error
	batch    []*echelonv1.Override
	sequence int64
	progress OverrideProgress
}

// send sends a batch and waits for its answer.
func (i *overrideImport) send() error {
	i.sequence++
	request := &echelonv1.ImportOverridesRequest{Sequence: i.sequence, Overrides: i.batch}
	// Where the stream has ended Send fails with EOF, and receiving tells why.
	if err := i.guard.do(func(context.Context) error { return i.stream.Send(request) }); err != nil && !errors.Is(err, io.EOF) {
		return typed(err)
	}
	var answer *echelonv1.ImportOverridesResponse
	err := i.guard.do(func(context.Context) (err error) { answer, err = i.stream.Recv(); return err })
	switch {
	case errors.Is(err, io.EOF):
		return broken("the stream ended before all batches were answered")
	case err != nil:
		return typed(err)
	case answer.GetSequence() != i.sequence || answer.GetStored()+int64(len(answer.GetErrors())) != int64(len(i.batch)):
		return broken("the answer to batch %d is of batch %d, with %d of %d overrides", i.sequence, answer.GetSequence(),
			answer.GetStored()+int64(len(answer.GetErrors())), len(i.batch))
	}
	for _, refused := range answer.GetErrors() {
		refused.Index += i.progress.Acknowledged
	}
	i.progress.Acknowledged += int64(len(i.batch))
	i.progress.Stored += answer.GetStored()
	i.progress.Errors = answer.GetErrors()
	i.batch = nil
	return i.emit(i.progress)
}

// end sends what is left and ends the stream.
func (i *overrideImport) end() error {
	if len(i.batch) > 0 {
		if err := i.send(); err != nil {
			return err
		}
	}
	if err := i.stream.CloseSend(); err != nil {
		return typed(err)
	}
	_, err := i.stream.Recv()
	if err == nil {
		return broken("the service answered a batch that was not sent")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return typed(err)
}
