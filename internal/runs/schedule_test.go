package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/runs"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// calendar is a rig whose clock is set, of a model in a time zone an hour ahead.
type calendar struct {
	*rig
	at atomic.Pointer[time.Time]
}

func newCalendar(t *testing.T, store storage.Store) *calendar {
	c := &calendar{rig: newRig(t, store)}
	c.set(noon)
	c.version("time_zone: Europe/Berlin" + file)
	c.put(population(10, 1))
	c.reopen()
	return c
}

func (c *calendar) set(at time.Time) { c.at.Store(&at) }

// reopen is the next process.
func (c *calendar) reopen() {
	c.Helper()
	c.Close()
	if s, ok := c.store.(*mortal); ok {
		s.revive()
	}
	var err error
	c.Manager, err = runs.New(context.Background(), c.store, c.catalog, c.intake, func() time.Time { return *c.at.Load() }, slog.New(slog.DiscardHandler))
	c.must(err)
}

// current is the run that is published.
func (c *calendar) current() string {
	c.Helper()
	view, err := c.store.View(context.Background())
	c.must(err)
	defer view.Close()
	current, err := catalog.Current(view, "m")
	if fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return ""
	}
	c.must(err)
	return current.GetRunId()
}

// putOff puts a new run off to a day.
func (c *calendar) putOff(on string) *echelonv1.Run {
	c.Helper()
	run, err := c.PublishOn(c.as("ann"), c.runBy("ann").GetId(), on, echelonv1.AuditEntry_TOKEN)
	c.must(err)
	return run
}

// due lets what is due take effect, and fails unless so many are decided.
func (c *calendar) due(want int) {
	c.Helper()
	decided, err := c.PublishDue(context.Background())
	c.must(err)
	if decided != want {
		c.Errorf("%d publications are decided, want %d", decided, want)
	}
}

// is fails unless a run's publication stands so.
func (c *calendar) is(id string, state echelonv1.ScheduledPublication_State, reason string) {
	c.Helper()
	run, err := c.Get(context.Background(), id)
	c.must(err)
	s := run.GetScheduled()
	if s.GetState() != state || !strings.Contains(s.GetReason(), reason) || (s.GetEndTime() == nil) != (state == echelonv1.ScheduledPublication_PENDING) {
		c.Errorf("the run's publication is %v, want %v since %q", s, state, reason)
	}
}

func (c *calendar) waiting() (ids []string) {
	c.Helper()
	list, err := c.ListScheduled(context.Background(), "", "", 10)
	c.must(err)
	for _, run := range list {
		ids = append(ids, run.GetId())
	}
	return ids
}

// publications are the runs that were published and not rolled back, the first before.
func (c *calendar) publications() (ids []string) {
	c.Helper()
	view, err := c.store.View(context.Background())
	c.must(err)
	defer view.Close()
	current, err := catalog.Current(view, "m")
	c.must(err)
	for _, p := range current.GetHistory() {
		ids = append(ids, p.GetRunId())
	}
	return append(ids, current.GetRunId())
}

// The day begins in the model's zone: February 2 at 23:00 of February 1 in UTC.
var berlin = time.Date(2026, 2, 1, 23, 0, 0, 0, time.UTC)

func TestAPublicationTakesEffectWhenItsDayBegins(t *testing.T) {
	c := newCalendar(t, memory.New())
	first := c.runBy("ann")
	_, err := c.Publish(c.as("ann"), first.GetId())
	c.must(err)
	run := c.putOff("2026-02-02")
	if s := run.GetScheduled(); s.GetEffectiveOn() != "2026-02-02" || !s.GetEffectiveTime().AsTime().Equal(berlin) || s.GetPrincipal() != "ann" || run.GetState() != echelonv1.Run_READY {
		t.Errorf("it waits as %v", run)
	}
	// What is written meanwhile counts when it takes effect.
	c.put(population(12, 1))
	for _, before := range []time.Time{noon, berlin.Add(-time.Nanosecond)} {
		c.set(before)
		c.due(0)
		if c.current() != first.GetId() || !slices.Equal(c.waiting(), []string{run.GetId()}) {
			t.Errorf("at %v %q is current, and %v wait", before, c.current(), c.waiting())
		}
	}
	c.is(run.GetId(), echelonv1.ScheduledPublication_PENDING, "")
	c.set(berlin)
	c.due(1)
	c.is(run.GetId(), echelonv1.ScheduledPublication_TOOK_EFFECT, "")
	if got, err := c.Get(t.Context(), run.GetId()); err != nil || got.GetState() != echelonv1.Run_PUBLISHED || !got.GetPublishTime().AsTime().Equal(berlin) {
		t.Errorf("the run is %v, %v", got, err)
	}
	if got := len(c.export("")); c.current() != run.GetId() || len(c.waiting()) > 0 || got != 12 {
		t.Errorf("%q is current with %d assignments, and %v wait", c.current(), got, c.waiting())
	}
	c.due(0)
	if got := c.publications(); !slices.Equal(got, []string{first.GetId(), run.GetId()}) {
		t.Errorf("publications are %v", got)
	}
}

func TestADamagedPublicationHoldsUpNoOther(t *testing.T) {
	c := newCalendar(t, memory.New())
	run := c.putOff("2026-02-02")
	c.must(c.store.Update(t.Context(), func(tx storage.Tx) error {
		return tx.PutDocument(storage.KindSchedule, "a", &storagev1.RunStart{Request: []byte{0xff}})
	}))
	c.set(berlin)
	decided, err := c.PublishDue(t.Context())
	if corrupt := (*storage.CorruptError)(nil); decided != 1 || !errors.As(err, &corrupt) {
		t.Errorf("%d are decided, %v", decided, err)
	}
	if c.current() != run.GetId() {
		t.Errorf("%q is current", c.current())
	}
}

// It takes effect once, wherever the server dies, and at the next start where none was there on its day.
func TestAPublicationTakesEffectOnceWhereverTheServerDies(t *testing.T) {
	for writes := int64(0); ; writes++ {
		s := newMortal(memory.New())
		c := newCalendar(t, s)
		first := c.runBy("ann")
		_, err := c.Publish(c.as("ann"), first.GetId())
		c.must(err)
		run := c.putOff("2026-02-02")
		c.put(population(12, 2))
		c.set(berlin.AddDate(0, 0, 7))
		s.writes.Store(writes)
		_, err = c.PublishDue(t.Context())
		if err != nil && !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		c.reopen()
		if waits := len(c.waiting()); waits != 1 && c.current() == first.GetId() || waits != 0 && c.current() == run.GetId() {
			t.Fatalf("after %d writes %d wait, and %q is current", writes, waits, c.current())
		}
		if _, again := c.PublishDue(t.Context()); again != nil {
			t.Fatal(again)
		}
		c.is(run.GetId(), echelonv1.ScheduledPublication_TOOK_EFFECT, "")
		if got := c.publications(); !slices.Equal(got, []string{first.GetId(), run.GetId()}) || len(c.waiting()) > 0 {
			t.Fatalf("after %d writes publications are %v, and %v wait", writes, got, c.waiting())
		}
		if err == nil {
			if writes < 2 {
				t.Errorf("a publication takes %d writes: the test has shown nothing", writes)
			}
			return
		}
	}
}

func TestAPublicationThatCannotTakeEffectOnItsDaySaysWhy(t *testing.T) {
	refused := echelonv1.ScheduledPublication_REFUSED
	for name, test := range map[string]struct {
		model   string
		between func(c *calendar, run *echelonv1.Run)
		reason  string
	}{
		"another run was published": {file, func(c *calendar, _ *echelonv1.Run) {
			_, err := c.Publish(c.as("ann"), c.runBy("ann").GetId())
			c.must(err)
		}, "start a new run"},
		"an approval was withdrawn": {"publishing: {approvals: 1}" + file, func(c *calendar, run *echelonv1.Run) {
			_, err := c.WithdrawApproval(c.as("bob"), run.GetId())
			c.must(err)
		}, "needs 1 approvals"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCalendar(t, memory.New())
			c.version(test.model)
			run := c.runBy("ann")
			_, err := c.Approve(c.as("bob"), run.GetId())
			c.must(err)
			run, err = c.PublishOn(c.as("ann"), run.GetId(), "2026-02-02", echelonv1.AuditEntry_TOKEN)
			c.must(err)
			test.between(c, run)
			before := c.current()
			c.set(berlin.Add(time.Hour))
			c.due(1)
			c.is(run.GetId(), refused, test.reason)
			if c.current() != before || len(c.waiting()) > 0 {
				t.Errorf("%q is current, and %v wait", c.current(), c.waiting())
			}
			c.due(0)
		})
	}
}

func TestAPublicationIsTakenBackAndGivesWay(t *testing.T) {
	c := newCalendar(t, memory.New())
	first, second := c.putOff("2026-02-02"), c.putOff("2026-02-03")
	c.is(first.GetId(), echelonv1.ScheduledPublication_SUPERSEDED, second.GetId())
	if got := c.waiting(); !slices.Equal(got, []string{second.GetId()}) {
		t.Errorf("%v wait", got)
	}
	_, err := c.Unschedule(c.as("bob"), first.GetId())
	c.must(only(err, echelonv1.ErrorReason_NOT_SCHEDULED))
	// The same run may be put off to another day.
	_, err = c.PublishOn(c.as("bob"), second.GetId(), "2026-02-05", echelonv1.AuditEntry_TOKEN)
	c.must(err)
	c.set(berlin.AddDate(0, 0, 1))
	c.due(0)
	_, err = c.Unschedule(c.as("bob"), second.GetId())
	c.must(err)
	c.is(second.GetId(), echelonv1.ScheduledPublication_CANCELLED, "by bob")
	_, err = c.Unschedule(c.as("bob"), second.GetId())
	c.must(only(err, echelonv1.ErrorReason_NOT_SCHEDULED))
	c.set(berlin.AddDate(0, 0, 7))
	c.due(0)
	if c.current() != "" {
		t.Errorf("%q is current", c.current())
	}
	// Who does not want to wait publishes.
	third := c.putOff("2026-03-01")
	_, err = c.Publish(c.as("ann"), third.GetId())
	c.must(err)
	c.is(third.GetId(), echelonv1.ScheduledPublication_TOOK_EFFECT, "before its day")
	c.set(berlin.AddDate(0, 2, 0))
	c.due(0)
}

func TestDaysThatNoPublicationTakesEffectOn(t *testing.T) {
	c := newCalendar(t, memory.New())
	c.set(berlin) // the first instant of February 2 in Berlin
	run := c.runBy("ann")
	for on, words := range map[string]string{
		"2026-02-01": "today is 2026-02-02 in the model's time zone, Europe/Berlin", "2027-02-04": "give 2027-02-03 or an earlier day",
		"tomorrow": "write YYYY-MM-DD", "2026-02-30": "write YYYY-MM-DD", "2026-02-03T00:00:00Z": "write YYYY-MM-DD",
	} {
		_, err := c.PublishOn(c.as("ann"), run.GetId(), on, echelonv1.AuditEntry_TOKEN)
		c.refused(err, run, echelonv1.ErrorReason_INVALID_REQUEST, "effective_on", words)
	}
	_, err := c.PublishOn(c.as("ann"), "none", "2026-02-03", echelonv1.AuditEntry_TOKEN)
	c.must(only(err, echelonv1.ErrorReason_RUN_NOT_FOUND))
	// Today has begun.
	run, err = c.PublishOn(c.as("ann"), run.GetId(), "2026-02-02", echelonv1.AuditEntry_TOKEN)
	c.must(err)
	if run.GetState() != echelonv1.Run_PUBLISHED || run.GetScheduled() != nil || c.current() != run.GetId() {
		t.Errorf("put off to today it is %v", run)
	}
	_, err = c.PublishOn(c.as("ann"), run.GetId(), "2026-02-03", echelonv1.AuditEntry_TOKEN)
	c.refused(err, run, echelonv1.ErrorReason_RUN_STATE, "current already")
	c.version("publishing: {approvals: 1}" + file)
	run = c.runBy("ann")
	_, err = c.PublishOn(c.as("ann"), run.GetId(), "2026-02-03", echelonv1.AuditEntry_TOKEN)
	c.refused(err, run, echelonv1.ErrorReason_APPROVAL_REQUIRED, "ask 1 more")
}

// What waits is needed on its day, however many runs there are until then.
func TestTheSnapshotOfARunThatWaitsIsKept(t *testing.T) {
	c := newCalendar(t, memory.New())
	run := c.putOff("2026-02-02")
	var later []string
	for i := range 3 {
		c.set(noon.Add(time.Duration(i+1) * time.Second)) // ids sort by it
		later = append(later, c.runBy("ann").GetId())
	}
	removed, err := c.Sweep(t.Context(), runs.Retention{Runs: 1})
	c.must(err)
	if !slices.Equal(removed, []string{later[1], later[0]}) {
		t.Errorf("removed are the snapshots of %v", removed)
	}
	c.set(berlin)
	c.due(1)
	c.is(run.GetId(), echelonv1.ScheduledPublication_TOOK_EFFECT, "")
}

// only returns an error unless there is one of that reason.
func only(err error, reason echelonv1.ErrorReason) error {
	if fault.Is(err, reason) {
		return nil
	}
	return fmt.Errorf("%v, want %v", err, reason)
}

// meddling is a store that does something once before a view that is opened, counting down.
type meddling struct {
	storage.Store
	looks int
	do    func()
}

func (s *meddling) View(ctx context.Context) (storage.Reader, error) {
	if do := s.do; do != nil {
		if s.looks--; s.looks < 0 {
			s.do = nil
			do()
		}
	}
	return s.Store.View(ctx)
}

// What waits is published in the name of whoever put it off last: another principal who does so while it is prepared is not made to have published by the
// first one.
func TestAPublicationThatAnotherPutsOffMeanwhileIsNotPublishedByTheFirst(t *testing.T) {
	for looks := range 6 {
		s := &meddling{Store: memory.New()}
		c := newCalendar(t, s)
		run := c.putOff("2026-02-02")
		again := false
		s.looks, s.do = looks+1, func() {
			// Bob puts the same run off to the same day, by a clock that is behind.
			c.set(noon)
			_, err := c.PublishOn(c.as("bob"), run.GetId(), "2026-02-02", echelonv1.AuditEntry_TOKEN)
			c.must(err)
			c.set(berlin)
			again = true
		}
		c.set(berlin)
		_, err := c.PublishDue(t.Context())
		c.must(err)
		s.do = nil
		if !again {
			break
		}
		if c.current() != "" {
			t.Errorf("at look %d it is published in the name of the first", looks)
		}
		c.due(1)
		c.is(run.GetId(), echelonv1.ScheduledPublication_TOOK_EFFECT, "")
	}
}
