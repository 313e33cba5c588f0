package server_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// queueOf is what the queue must say of one customer in the tiering coverage of tall, kept by hand.
type queueOf struct {
	score, before float64
	run           int
	// accepted has the matters that are accepted, while computed is what it was.
	accepted map[string]string
	computed string
}

func tallTier(score float64) (name string, place int) {
	switch {
	case score >= 60:
		return "high", 0
	case score >= 30:
		return "mid", 1
	}
	return "low", 2
}

// matters are the reasons that the outcome gives, each with what it is about.
func (q *queueOf) matters() map[string]string {
	all := make(map[string]string)
	tier, place := tallTier(q.score)
	lines := map[string]float64{"high": 60, "mid": 30}
	for of, line := range lines {
		mine := of == tier || q.score < line
		if other := lines[map[string]string{"high": "mid", "mid": "high"}[of]]; mine && math.Abs(q.score-line) <= 2 && math.Abs(q.score-line) <= math.Abs(q.score-other) {
			all["BORDERLINE"] = of
		}
	}
	if was, from := tallTier(q.before); q.run > 1 && max(from-place, place-from) >= 2 {
		all["LARGE_MOVE"] = fmt.Sprint(was, tier, q.run)
	}
	return all
}

// open are the reasons that nobody accepted.
func (q *queueOf) open() []string {
	kinds := []string{}
	tier, _ := tallTier(q.score)
	for kind, matter := range q.matters() {
		if accepted, there := q.accepted[kind]; !there || accepted != matter || q.computed != tier {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

func (q *queueOf) accept() {
	tier, _ := tallTier(q.score)
	if q.accepted == nil || q.computed != tier {
		q.accepted, q.computed = make(map[string]string), tier
	}
	for kind, matter := range q.matters() {
		q.accepted[kind] = matter
	}
}

// Accepting an item makes it vanish, and only another matter brings it back: another computed tier, another line, another reason, another move.
func TestAnAcceptedItemComesBackIfAndOnlyIfTheMatterChanges(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("other", usage(45, 1))
	h.published("tall")
	limits := &echelonv1.ReviewThresholds{TopCustomers: proto.Int32(0)}
	id := 0
	rapid.Check(t, func(t *rapid.T) {
		id++
		q, name := &queueOf{}, fmt.Sprintf("c%d", id)
		open := func() []string {
			kinds := []string{}
			for _, item := range h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Thresholds: limits}).GetItems() {
				for _, r := range item.GetReasons() {
					if item.GetCustomerId() == name {
						kinds = append(kinds, r.GetKind().String())
					}
				}
			}
			slices.Sort(kinds)
			return kinds
		}
		check := func(when string) {
			if got, want := open(), q.open(); !slices.Equal(got, want) {
				t.Fatalf("%s at %g, before %g, in run %d: the queue says %v, want %v", when, q.score, q.before, q.run, got, want)
			}
		}
		for range rapid.IntRange(2, 6).Draw(t, "runs") {
			q.before, q.score, q.run = q.score, rapid.SampledFrom([]float64{10, 28.5, 29.25, 31.5, 45, 58.5, 59.25, 61.5, 90}).Draw(t, "score"), q.run+1
			h.upsert(name, usage(q.score, 1))
			h.published("tall")
			check("after a run")
			if len(q.open()) == 0 || rapid.Bool().Draw(t, "leave it") {
				continue
			}
			decision := &echelonv1.ResolveReviewItemsRequest{Model: "tall", Thresholds: limits, Decisions: []*echelonv1.ReviewDecision{accept(name, "")}}
			_, err := h.assignments.ResolveReviewItems(h.context(), decision)
			h.must(err)
			if q.accept(); len(q.open()) > 0 || len(open()) > 0 {
				t.Fatalf("accepted at %g in run %d, and %v is open", q.score, q.run, open())
			}
		}
	})
}
