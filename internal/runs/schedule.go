package runs

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// daysAhead is how far ahead a publication may be put off: a year, and a leap day.
const daysAhead = 366

// PublishOn puts the publication of a run off to a day, on which it takes effect when the day begins in the model's time zone; today's is at once. What
// waits of the model gives way to it. It takes approvals and the rest as Publish does, now and on the day. INVALID_REQUEST, and the reasons of Publish.
func (m *Manager) PublishOn(ctx context.Context, id, on string, credential echelonv1.AuditEntry_Credential) (*echelonv1.Run, error) {
	day, err := frame.ParseDate(on)
	if err != nil {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "effective_on: %s", err)
	}
	atOnce := false
	var run *echelonv1.Run
	err = m.store.Update(ctx, func(tx storage.Tx) error {
		var current *storagev1.Current
		if run, current, err = m.candidate(ctx, tx, id); err != nil {
			return err
		}
		if atOnce, err = m.begun(tx, run, day); err != nil || atOnce {
			return err
		}
		if current.GetRunId() == id {
			return fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q is current already: there is nothing to put off", id)
		}
		return m.putOff(ctx, tx, run, day, credential)
	})
	if err != nil {
		return nil, err
	}
	if atOnce {
		return m.Publish(ctx, id)
	}
	m.log.InfoContext(ctx, "a publication waits for its day", "run", id, "effective", run.GetScheduled().GetEffectiveTime().AsTime())
	return run, nil
}

// begun reports whether a day is today in the time zone of the run's model. INVALID_REQUEST where it is over, or too far ahead.
func (m *Manager) begun(documents storage.Documents, run *echelonv1.Run, day int64) (bool, error) {
	program, err := m.catalog.Program(documents, run.GetModel(), run.GetModelVersion())
	if err != nil {
		return false, err
	}
	today := frame.DayIn(m.now(), program.Zone())
	switch {
	case day < today:
		return false, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "effective_on %s is over; today is %s in the model's time zone, %s: give a later day, or none to publish at once",
			frame.FormatDate(day), frame.FormatDate(today), program.Zone())
	case day > today+daysAhead:
		return false, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "effective_on %s lies more than %d days ahead: give %s or an earlier day",
			frame.FormatDate(day), daysAhead, frame.FormatDate(today+daysAhead))
	}
	return day == today, nil
}

// putOff stores that a run is published on a day to come, in place of the one of the model that waits.
func (m *Manager) putOff(ctx context.Context, tx storage.Tx, run *echelonv1.Run, day int64, credential echelonv1.AuditEntry_Credential) error {
	program, err := m.catalog.Program(tx, run.GetModel(), run.GetModelVersion())
	if err != nil {
		return err
	}
	before, err := scheduleOf(tx, run.GetModel())
	if err != nil {
		return err
	}
	if id := before.GetRunId(); id != "" && id != run.GetId() {
		other, err := read(tx, id)
		if err != nil {
			return err
		}
		m.end(other, echelonv1.ScheduledPublication_SUPERSEDED, "the publication of the run "+run.GetId()+" was put off to "+frame.FormatDate(day)+" instead")
		if err := tx.PutDocument(storage.KindRun, id, other); err != nil {
			return err
		}
	}
	who := feed.WhoIn(ctx)
	at := timestamppb.New(frame.DayStartIn(day, program.Zone()))
	run.Scheduled = &echelonv1.ScheduledPublication{
		EffectiveOn: frame.FormatDate(day), EffectiveTime: at, State: echelonv1.ScheduledPublication_PENDING,
		Principal: who.Actor, OnBehalfOf: who.OnBehalfOf, ScheduleTime: timestamppb.New(m.now()),
	}
	err = tx.PutDocument(storage.KindSchedule, run.GetModel(), &storagev1.Schedule{
		RunId: run.GetId(), EffectiveTime: at, Actor: who.Actor, Credential: credential, OnBehalfOf: who.OnBehalfOf,
	})
	if err != nil {
		return err
	}
	return tx.PutDocument(storage.KindRun, run.GetId(), run)
}

// scheduleOf returns the publication of a model that waits for its day; an empty one where none does.
func scheduleOf(documents storage.Documents, model string) (*storagev1.Schedule, error) {
	schedule := &storagev1.Schedule{}
	err := documents.Document(storage.KindSchedule, model, schedule)
	return schedule, ignoring(err, storage.ErrNotFound)
}

// waiting reports whether a run's publication waits for its day.
func waiting(documents storage.Documents, run *echelonv1.Run) (bool, error) {
	schedule, err := scheduleOf(documents, run.GetModel())
	return err == nil && schedule.GetRunId() == run.GetId(), err
}

// end notes what became of a publication that waited.
func (m *Manager) end(run *echelonv1.Run, state echelonv1.ScheduledPublication_State, reason string) {
	if run.Scheduled == nil {
		run.Scheduled = &echelonv1.ScheduledPublication{}
	}
	run.Scheduled.State, run.Scheduled.Reason, run.Scheduled.EndTime = state, reason, timestamppb.New(m.now())
}

// tookEffect ends, in the commit that makes a run current, the wait for its day. The caller stores the run.
func (m *Manager) tookEffect(tx storage.Tx, run *echelonv1.Run) error {
	waits, err := waiting(tx, run)
	if err != nil || !waits {
		return err
	}
	reason := ""
	if m.now().Before(run.GetScheduled().GetEffectiveTime().AsTime()) {
		reason = "it was published before its day"
	}
	m.end(run, echelonv1.ScheduledPublication_TOOK_EFFECT, reason)
	return tx.DeleteDocument(storage.KindSchedule, run.GetModel())
}

// Unschedule takes back a publication that waits for its day, and returns its run. RUN_NOT_FOUND, NOT_SCHEDULED.
func (m *Manager) Unschedule(ctx context.Context, id string) (run *echelonv1.Run, err error) {
	err = m.store.Update(ctx, func(tx storage.Tx) error {
		if run, err = read(tx, id); err != nil {
			return err
		}
		waits, err := waiting(tx, run)
		if err != nil {
			return err
		}
		if !waits {
			return fault.New(echelonv1.ErrorReason_NOT_SCHEDULED, "the publication of the run %q does not wait for a day: list the runs that do, with scheduled", id)
		}
		why := "it was taken back"
		if who := feed.WhoIn(ctx).Actor; known(who) {
			why += " by " + who
		}
		m.end(run, echelonv1.ScheduledPublication_CANCELLED, why)
		if err := tx.DeleteDocument(storage.KindSchedule, run.GetModel()); err != nil {
			return err
		}
		return tx.PutDocument(storage.KindRun, id, run)
	})
	if err != nil {
		return nil, err
	}
	return run, nil
}

// ListScheduled returns up to limit runs whose publication waits for its day, of one model or of all, the newest run first and those before an id. There
// is at most one a model.
func (m *Manager) ListScheduled(ctx context.Context, model, before string, limit int) ([]*echelonv1.Run, error) {
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var ids []string
	for document, err := range view.Documents(storage.KindSchedule, storage.DocumentScan{}) {
		if err != nil {
			return nil, err
		}
		schedule := &storagev1.Schedule{}
		if err := document.Decode(schedule); err != nil {
			return nil, err
		}
		if (model == "" || document.Key == model) && (before == "" || schedule.GetRunId() < before) {
			ids = append(ids, schedule.GetRunId())
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	var list []*echelonv1.Run
	for _, id := range ids[:min(limit, len(ids))] {
		run, err := read(view, id)
		if err != nil {
			return nil, err
		}
		list = append(list, run)
	}
	return list, nil
}
