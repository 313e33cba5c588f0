package report_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{report.Count(0), "0"}, {report.Count(999), "999"}, {report.Count(1000), "1,000"}, {report.Count(-1234567), "-1,234,567"},
		{report.Amount(0, 5000), "0"}, {report.Amount(1234567.5, 5e6), "1,234,568"}, {report.Amount(12.345, 500), "12.35"}, {report.Amount(-2500, -2500), "-2,500"},
		{report.Exact(35122569.43), "35,122,569.43"}, {report.Exact(-0.5), "-0.50"},
		{report.Score(63.25), "63.2"}, {report.Percent(33.333), "33.3%"},
		{report.Share(1, 3), "33.3%"}, {report.Share(0, 0), "–"},
		{report.Value(1500), "1,500"}, {report.Value(0.123456), "0.1235"}, {report.Value(-1234.5), "-1,234.5"}, {report.Value(0), "0"},
		{report.Moment(nil), "–"}, {report.Moment(timestamppb.New(time.Unix(59, 999_999_999))), "1970-01-01T00:00:59Z"},
		{report.Time(nil), "–"}, {report.Time(timestamppb.New(time.Unix(0, 1000))), "1970-01-01T00:00:00.000001Z"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestBooksBalanceOnlyIfAllThatCameInWentOut(t *testing.T) {
	good := &echelonv1.Balance{Customers: 10, Tiered: 4, Unscored: 3, Excluded: 2, Refused: 1, AmountIn: 5, AmountOut: 5}
	if !report.Balanced(good) {
		t.Error("good books do not balance")
	}
	for _, spoil := range []func(*echelonv1.Balance){
		func(b *echelonv1.Balance) { b.Customers++ },
		func(b *echelonv1.Balance) { b.Tiered-- },
		func(b *echelonv1.Balance) { b.AmountOut++ },
	} {
		bad := proto.CloneOf(good)
		spoil(bad)
		if report.Balanced(bad) {
			t.Errorf("bad books balance: %v", bad)
		}
	}
}

var (
	asOf    = timestamppb.New(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC))
	summary = &echelonv1.Summary{
		Balance: &echelonv1.Balance{Customers: 1204, Tiered: 1200, Unscored: 2, Refused: 2, AmountIn: 2500.5, AmountOut: 2500.5},
		Tierings: []*echelonv1.TierTable{{
			Tiering: "coverage", Unscored: 2, UnscoredAmount: 0.5,
			Tiers: []*echelonv1.TierCount{{Tier: "high-touch", Customers: 200, Amount: 2000}, {Tier: "tech\ntouch", Customers: 1000, Amount: 500, Unscored: 7}},
		}},
	}
	run = &echelonv1.Run{
		Id: "run-1", Model: "b2b", ModelVersion: 3, State: echelonv1.Run_READY, AsOf: asOf, StartTime: asOf, Evaluated: 1202, Summary: summary,
		Findings: []*echelonv1.Finding{
			{Severity: echelonv1.Finding_WARNING, Path: "scores[0].criteria[1]", Message: "400 of 1202 customers lack it", Remedy: "give it another source"},
			{Severity: echelonv1.Finding_MISTAKE, Path: "scores[1]", Message: "it cannot be used"},
		},
		Refused: []*echelonv1.RowError{{CustomerId: "a", Field: "plan", Message: "plan is required and missing"}, {CustomerId: "b", Message: "the id"}},
	}
	published = &echelonv1.Assignment{
		CustomerId: "acme", Stale: true,
		Provenance: &echelonv1.Provenance{Model: "b2b", ModelVersion: 3, CalibrationId: "run-1", RunId: "run-1", AsOf: asOf},
		Segments:   []*echelonv1.SegmentOutcome{{Segmentation: "size", Segment: proto.String("SMB")}, {Segmentation: "area"}},
		Scores:     []*echelonv1.ScoreOutcome{{Score: "value", Value: proto.Float64(63.25), Completeness: 0.8}, {Score: "fit"}},
		Tiers:      []*echelonv1.TierOutcome{{Tiering: "coverage", Tier: proto.String("high-touch")}, {Tiering: "persona"}},
		Reasons:    []*echelonv1.Reason{{Message: "scores.value, usage: usage is missing"}},
	}
	missing   = &echelonv1.Reason{Message: "scores.value, usage: usage is missing"}
	explained = &echelonv1.Assignment{
		Reasons: published.GetReasons(),
		Explanation: &echelonv1.Explanation{
			Derived: &structpb.Struct{Fields: map[string]*structpb.Value{"whitespace": structpb.NewNumberValue(12345.6), "gap": structpb.NewNullValue()}},
			Segments: []*echelonv1.SegmentExplanation{{Segmentation: "size", Segment: proto.String("SMB"), Rules: []*echelonv1.RuleExplanation{
				{Name: "Huge", When: "staff > 10", Outcome: echelonv1.RuleExplanation_NOT_READABLE, Unreadable: &echelonv1.Reason{Message: "staff is missing"}},
				{Name: "Large", When: "arr > 10", Outcome: echelonv1.RuleExplanation_NOT_MATCHED},
				{Name: "SMB", When: "arr > 1", Outcome: echelonv1.RuleExplanation_MATCHED},
			}}},
			Scores: []*echelonv1.ScoreExplanation{{Score: "value", Value: proto.Float64(63.25), Completeness: 0.8, Criteria: []*echelonv1.CriterionExplanation{
				{Criterion: "arr", Input: structpb.NewNumberValue(125000), Normalized: proto.Float64(70), Weight: 4, WeightPercent: 80, Contribution: 56},
				{Criterion: "partner", Input: structpb.NewBoolValue(true), Normalized: proto.Float64(100), Weight: 1, WeightPercent: 20, Contribution: 7.25},
				{Criterion: "plan", Input: structpb.NewStringValue("paid"), Weight: 1},
				{Criterion: "usage", Input: structpb.NewNullValue(), Weight: 1, Unreadable: missing},
			}}},
			Tiers: []*echelonv1.TierExplanation{
				{Tiering: "coverage", Tier: proto.String("high-touch"), Cuts: []*echelonv1.CutExplanation{{Name: "high-touch", Met: true, Conditions: []*echelonv1.CutCondition{
					{Condition: "score at least 45", Met: true, Line: proto.Float64(45), Value: proto.Float64(63.25)},
					{Condition: "staff > 10", Unreadable: &echelonv1.Reason{Message: "staff is missing"}},
				}}}},
				{Tiering: "persona", XLevel: proto.Int32(1), YLevel: proto.Int32(0), Cuts: []*echelonv1.CutExplanation{
					{Name: "x", Conditions: []*echelonv1.CutCondition{{Condition: "at the median", Line: proto.Float64(50)}}},
				}},
			},
		},
	}
)

var pages = map[string]func(io.Writer) error{
	"models": func(w io.Writer) error {
		return report.Models(w, []*echelonv1.ModelSummary{
			{Name: "b2b", LatestVersion: 12, ActiveVersion: 3, CurrentVersion: 2, Description: "for sales"}, {Name: "new", LatestVersion: 1},
		})
	},
	"runs": func(w io.Writer) error {
		return report.Runs(w, []*echelonv1.Run{run, {Id: "run-0", State: echelonv1.Run_FAILED}})
	},
	"run": func(w io.Writer) error { return report.Run(w, run, "revenue_12m") },
	"failed": func(w io.Writer) error {
		return report.Run(w, &echelonv1.Run{Id: "run-0", State: echelonv1.Run_FAILED, Failure: "it broke"}, "")
	},
	"no amount":   func(w io.Writer) error { return report.Summary(w, summary, "") },
	"long amount": func(w io.Writer) error { return report.Summary(w, summary, "coalesce(revenue_12m, 0) * 1.19") },
	"assignment":  func(w io.Writer) error { return report.Assignment(w, published) },
	"explanation": func(w io.Writer) error { return report.Explanation(w, published, explained) },
}

func TestPagesAreAsTheGoldenFilesHaveThem(t *testing.T) {
	for name, write := range pages {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// full is a writer with room for some writes.
type full struct{ room int }

var errFull = errors.New("no room")

func (f *full) Write(p []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAnErrorOfTheWriterIsReturned(t *testing.T) {
	for name, write := range pages {
		t.Run(name, func(t *testing.T) {
			room := 0
			for ; ; room++ {
				err := write(&full{room: room})
				if err == nil {
					break
				}
				if !errors.Is(err, errFull) {
					t.Fatal(err)
				}
			}
			if room == 0 {
				t.Error("it wrote nothing")
			}
		})
	}
}
