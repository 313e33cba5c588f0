package runs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// onceKey is an idempotency key, with what was asked for under it.
type onceKey struct {
	// document is the key of the document that knows its run; a hash, since keys are any text, with the principal: those of two are two.
	document string
	request  []byte
}

// once returns the idempotency key of a request; nil where it has none.
func once(ctx context.Context, request Request) (*onceKey, error) {
	if request.Key == "" {
		return nil, nil
	}
	asked := &echelonv1.StartRunRequest{Model: request.Model, Version: request.Version, Rates: request.Rates, WhatIf: request.WhatIf}
	if !request.AsOf.IsZero() {
		asked.AsOf = timestamppb.New(request.AsOf)
	}
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(asked)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(wire)
	name := sha256.Sum256([]byte(feed.WhoIn(ctx).Actor + "\x00" + request.Key))
	return &onceKey{document: "key/" + hex.EncodeToString(name[:]), request: sum[:]}, nil
}

// started returns the id of the run that the key started; empty where it started none. IDEMPOTENCY_MISMATCH.
func (k *onceKey) started(documents storage.Documents) (string, error) {
	if k == nil {
		return "", nil
	}
	known := &storagev1.RunStart{}
	err := documents.Document(storage.KindRunStart, k.document, known)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case !bytes.Equal(known.GetRequest(), k.request):
		return "", fault.New(echelonv1.ErrorReason_IDEMPOTENCY_MISMATCH,
			"the idempotency key started the run %q with another model, version, as_of, rates or what_if: repeat that request, or give another key", known.GetRunId()).With("run_id", known.GetRunId())
	}
	return known.GetRunId(), nil
}

// put notes which run the key started. CONFLICT where it started another one meanwhile.
func (k *onceKey) put(tx storage.Tx, id string) error {
	if k == nil {
		return nil
	}
	other, err := k.started(tx)
	if err != nil {
		return err
	}
	if other != "" {
		return fault.New(echelonv1.ErrorReason_CONFLICT, "another call with this idempotency key started the run %q at the same time: repeat the call, which returns it", other)
	}
	return tx.PutDocument(storage.KindRunStart, k.document, &storagev1.RunStart{RunId: id, Request: k.request})
}
