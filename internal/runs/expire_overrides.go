package runs

import (
	"context"
	"errors"
	"time"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// overridesEvery is how often overrides are looked for that have expired. Whatever is evaluated meanwhile leaves them out already.
const overridesEvery = time.Minute

// expireOverrides writes the changes of overrides that expire, until Close.
func (m *Manager) expireOverrides() {
	ticker := time.NewTicker(overridesEvery)
	defer ticker.Stop()
	for {
		ended, err := m.intake.ExpireOverrides(m.ctx)
		if err != nil && m.ctx.Err() == nil {
			m.log.Warn("overrides that expired could not be ended; it is tried again later", "error", err)
		}
		if ended > 0 {
			m.log.Info("overrides expired", "overrides", ended)
		}
		select {
		case <-m.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// forgetOverrides removes what is left of overrides that ended before all that is kept of runs, or is being made, was read.
func (m *Manager) forgetOverrides(ctx context.Context) error {
	view, err := m.viewOfAllRuns(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	oldest, err := oldestRead(view)
	if err != nil {
		return err
	}
	for document, err := range view.Documents(storage.KindOverride, storage.DocumentScan{}) {
		if err != nil {
			return err
		}
		if _, id := storage.OverrideOf(document.Key); id == "" || document.Version > oldest || len(document.Data) > 0 {
			continue
		}
		err := m.store.Update(ctx, func(tx storage.Tx) error {
			kept := &storagev1.Overrides{}
			if err := tx.Document(storage.KindOverride, document.Key, kept); err != nil || len(kept.GetOverrides()) > 0 {
				return ignoring(err, storage.ErrNotFound)
			}
			return tx.DeleteDocument(storage.KindOverride, document.Key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ignoring returns an error that is not the one given.
func ignoring(err, other error) error {
	if errors.Is(err, other) {
		return nil
	}
	return err
}
