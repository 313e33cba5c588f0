package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Time writes an instant as in RFC 3339, in UTC; a dash where there is none.
func Time(t *timestamppb.Timestamp) string {
	if t == nil {
		return none
	}
	return t.AsTime().Format(time.RFC3339Nano)
}

// Moment writes when something happened, to the second, in UTC; a dash where there is none. JSON has all of it.
func Moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return none
	}
	return t.AsTime().Format(time.RFC3339)
}

// version writes the number of a version; a dash where there is none.
func version(n int64) string {
	if n == 0 {
		return none
	}
	return fmt.Sprint(n)
}

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

// Models writes a list of models.
func Models(w io.Writer, models []*echelonv1.ModelSummary) error {
	t := newTable("lrrrl", "model", "newest", "active", "published", "description")
	for _, m := range models {
		t.add(m.GetName(), version(m.GetLatestVersion()), version(m.GetActiveVersion()), version(m.GetCurrentVersion()), m.GetDescription())
	}
	return t.write(w)
}

// Runs writes a list of runs.
func Runs(w io.Writer, runs []*echelonv1.Run) error {
	t := newTable("llrlrrl", "run", "model", "version", "state", "customers", "refused", "as of")
	for _, r := range runs {
		b := r.GetSummary().GetBalance()
		t.add(r.GetId(), r.GetModel(), version(r.GetModelVersion()), state(r), Count(b.GetCustomers()), Count(b.GetRefused()), Time(r.GetAsOf()))
	}
	return t.write(w)
}

func state(r *echelonv1.Run) string { return strings.ToLower(r.GetState().String()) }

// nobody is whom a server names that knows no principals.
const nobody = "anonymous"

// Run writes a run, the tables of its result, what it found and what it refused. The amount is the model's expression.
func Run(w io.Writer, r *echelonv1.Run, amount string) error {
	t := newTable("ll", "run", r.GetId())
	t.add("model", fmt.Sprintf("%s version %d", r.GetModel(), r.GetModelVersion()))
	t.add("state", state(r))
	t.add("as of", Time(r.GetAsOf()))
	started := Moment(r.GetStartTime())
	if by := r.GetStartedBy(); by != "" && by != nobody {
		started += " by " + by
	}
	t.add("started", started)
	if r.GetAttempts() > 1 {
		t.add("attempts", Count(int64(r.GetAttempts())))
	}
	t.add("ended", Moment(r.GetEndTime()))
	for _, approval := range r.GetApprovals() {
		t.add("approved", Moment(approval.GetTime())+" by "+approval.GetPrincipal())
	}
	if s := r.GetScheduled(); s != nil {
		t.add("effective", scheduled(s))
	}
	t.add("published", Moment(r.GetPublishTime()))
	t.add("evaluated", Count(r.GetEvaluated()))
	if r.GetFailure() != "" {
		t.add("failure", r.GetFailure())
	}
	if err := t.write(w); err != nil || r.GetSummary() == nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := Summary(w, r.GetSummary(), amount); err != nil {
		return err
	}
	if err := Findings(w, r.GetFindings()); err != nil {
		return err
	}
	return refusedRows(w, r.GetRefused(), r.GetSummary().GetBalance().GetRefused())
}

// scheduled says what becomes of a publication that was put off to a day.
func scheduled(s *echelonv1.ScheduledPublication) string {
	text := s.GetEffectiveOn() + " at " + Moment(s.GetEffectiveTime()) + ": " + strings.ToLower(strings.ReplaceAll(s.GetState().String(), "_", " "))
	if s.GetReason() != "" {
		text += ", " + s.GetReason()
	}
	return text
}

// refusedRows writes the customers that a run refused.
func refusedRows(w io.Writer, refused []*echelonv1.RowError, all int64) error {
	if all == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\nrefused: %s\n", Count(all)); err != nil {
		return err
	}
	t := newTable("lll", "customer", "attribute", "reason")
	for _, r := range refused {
		t.add(r.GetCustomerId(), orNone(r.GetField()), r.GetMessage())
	}
	return t.write(w)
}
