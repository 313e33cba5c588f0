package runs

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

const (
	// dueEvery is how often publications are looked for whose day has begun.
	dueEvery = 5 * time.Second
	// dueAgain is how long to wait where one could not be published for a reason that may pass.
	dueAgain = time.Minute
)

// publishScheduled publishes what waited for a day that has begun, until Close: at once what was due while no server ran.
func (m *Manager) publishScheduled() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-timer.C:
		}
		next := dueEvery
		if _, err := m.PublishDue(m.ctx); err != nil && m.ctx.Err() == nil {
			m.log.Warn("a publication whose day has begun could not take effect; it is tried again in a minute", "error", err)
			next = dueAgain
		}
		timer.Reset(next)
	}
}

// ActAs says how a context acts for whoever put a publication off; what is how that ended: "took effect" or "refused". Call it before KeepOnly.
func (m *Manager) ActAs(acts func(ctx context.Context, schedule *storagev1.Schedule, what string) context.Context) {
	m.acts = acts
}

// acting returns the context in which what was put off is published.
func (m *Manager) acting(ctx context.Context, schedule *storagev1.Schedule, what string) context.Context {
	if m.acts != nil {
		return m.acts(ctx, schedule, what)
	}
	return feed.By(ctx, feed.Who{Actor: schedule.GetActor(), OnBehalfOf: schedule.GetOnBehalfOf()})
}

// PublishDue publishes what waited for a day that has begun, and returns of how many runs that was decided. One that cannot be published any more says so in
// its run, and changes nothing else; where the store takes no writes it is left for another time.
func (m *Manager) PublishDue(ctx context.Context) (decided int, err error) {
	due, err := m.due(ctx)
	for model, schedule := range due {
		one := m.publishDue(ctx, model, schedule)
		if one == nil {
			decided++
		}
		err = errors.Join(err, one)
	}
	return decided, err
}

// due returns the publications whose day has begun, by model.
func (m *Manager) due(ctx context.Context) (map[string]*storagev1.Schedule, error) {
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	due, damaged := make(map[string]*storagev1.Schedule), error(nil)
	now := m.now()
	for document, err := range view.Documents(storage.KindSchedule, storage.DocumentScan{}) {
		if err != nil {
			return due, err
		}
		schedule := &storagev1.Schedule{}
		if err := document.Decode(schedule); err != nil {
			damaged = errors.Join(damaged, err)
			continue
		}
		if !schedule.GetEffectiveTime().AsTime().After(now) {
			due[document.Key] = schedule
		}
	}
	return due, damaged
}

// errNotDue means that somebody took a publication back, or put another one off, while it was prepared.
var errNotDue = errors.New("the publication does not wait any more")

func (m *Manager) publishDue(ctx context.Context, model string, schedule *storagev1.Schedule) error {
	id := schedule.GetRunId()
	as := m.acting(ctx, schedule, "took effect")
	publish := m.toPublish(as, id)
	_, err := m.publish(as, func(documents storage.Documents) (change, error) {
		if still, err := m.still(documents, model, schedule); err != nil || !still {
			return change{}, cmp.Or(err, errNotDue)
		}
		return publish(documents)
	})
	switch {
	case err == nil:
		m.log.InfoContext(ctx, "a publication that waited for its day took effect", "run", id, "model", model)
		return nil
	case errors.Is(err, errNotDue):
		return nil
	}
	var refused *fault.Fault
	if !errors.As(err, &refused) {
		return err
	}
	m.log.WarnContext(ctx, "a publication that waited for its day was refused", "run", id, "model", model, "error", refused)
	return m.refuse(m.acting(ctx, schedule, "refused"), model, schedule, refused.Message)
}

// still reports whether a publication waits as it was read: of the same run, for the same day, and put off by the same principal, in whose name it is
// published.
func (m *Manager) still(documents storage.Documents, model string, schedule *storagev1.Schedule) (bool, error) {
	now, err := scheduleOf(documents, model)
	return err == nil && proto.Equal(now, schedule), err
}

// refuse ends the wait of a run that cannot be published on its day.
func (m *Manager) refuse(ctx context.Context, model string, schedule *storagev1.Schedule, why string) error {
	return m.store.Update(ctx, func(tx storage.Tx) error {
		if still, err := m.still(tx, model, schedule); err != nil || !still {
			return err
		}
		run, err := read(tx, schedule.GetRunId())
		if err != nil {
			return err
		}
		m.end(run, echelonv1.ScheduledPublication_REFUSED, why)
		if err := tx.DeleteDocument(storage.KindSchedule, model); err != nil {
			return err
		}
		return tx.PutDocument(storage.KindRun, run.GetId(), run)
	})
}
