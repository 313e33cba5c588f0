package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// tall has three tiers, whose score needs two attributes, and a 4-box.
const tall = `name: tall
amount: arr
attributes:
  - {name: arr, type: NUMBER, unit: USD}
  - {name: usage, type: NUMBER}
  - {name: growth, type: NUMBER}
segmentations:
  - {name: size, segments: [{name: large, when: "arr >= 50"}], otherwise: small}
scores:
  - name: value
    missing: REDISTRIBUTE
    criteria:
      - {name: usage, expr: usage, weight: 3, normalize: {linear: {min: 0, max: 100}}}
      - {name: money, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 1000000000}}}
  - {name: growth, criteria: [{name: growth, expr: growth, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
tierings:
  - {name: coverage, drives_coverage: true, linear: {score: value, tiers: [{name: high, cut: {min_score: 60}}, {name: mid, cut: {min_score: 30}}, {name: low}]}}
  - name: box
    matrix:
      x: {score: value, cuts: [{min_score: 30}]}
      y: {score: growth, cuts: [{min_score: 50}]}
      cells: [{x: 1, y: 1, name: star}, {x: 1, y: 0, name: cow}, {x: 0, y: 1, name: bet}, {x: 0, y: 0, name: tail}]
`

// usage gives a customer about that score in value: money counts for a quarter, and next to nothing.
func usage(score float64, arr int) attrs {
	return attrs{"usage": score / 0.75, "arr": arr, "growth": 20}
}

func (h *harness) review(request *echelonv1.ListReviewItemsRequest) *echelonv1.ListReviewItemsResponse {
	h.Helper()
	all := &echelonv1.ListReviewItemsResponse{}
	request = proto.CloneOf(request)
	for request.Model = "tall"; ; {
		page, err := h.assignments.ListReviewItems(h.context(), request)
		h.must(err)
		page.Items = append(all.GetItems(), page.GetItems()...)
		all = page
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all
		}
	}
}

// queued returns the items as short texts, in their order.
func queued(list *echelonv1.ListReviewItemsResponse) []string {
	all := []string{}
	for _, item := range list.GetItems() {
		var kinds []string
		for _, r := range item.GetReasons() {
			kinds = append(kinds, strings.ToLower(r.GetKind().String()))
		}
		all = append(all, fmt.Sprintf("%s %s: %s", item.GetCustomerId(), item.GetItem(), strings.Join(kinds, ", ")))
	}
	return all
}

func only(item string) *echelonv1.ListReviewItemsRequest {
	return &echelonv1.ListReviewItemsRequest{Item: item}
}

func (h *harness) resolve(decisions ...*echelonv1.ReviewDecision) ([]*echelonv1.ResolvedReviewItem, error) {
	h.Helper()
	done, err := h.assignments.ResolveReviewItems(h.context(), &echelonv1.ResolveReviewItemsRequest{Model: "tall", Decisions: decisions})
	return done.GetItems(), err
}

func accept(id, item string) *echelonv1.ReviewDecision {
	return &echelonv1.ReviewDecision{CustomerId: id, Item: item, Decision: &echelonv1.ReviewDecision_Accept{Accept: &echelonv1.ReviewAccept{Note: "seen"}}}
}

func pinned(id, item, tier string) *echelonv1.ReviewDecision {
	pin := &echelonv1.ReviewPin{Pinned: tier, Reason: "known to be good"}
	return &echelonv1.ReviewDecision{CustomerId: id, Item: item, Decision: &echelonv1.ReviewDecision_Pin{Pin: pin}}
}

func (h *harness) same(what string, got, want any) {
	h.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Who writes customers while others review a run changes neither the amounts of its queue nor who the largest are.
func TestTheReviewQueueOfARunHasTheAmountsThatTheRunHas(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("falls", usage(80, 500))
	h.upsert("small", usage(80, 100))
	h.published("tall")
	h.upsert("falls", usage(45, 500))
	h.upsert("small", usage(45, 100))
	run := h.run("tall")
	list := func() *echelonv1.ListReviewItemsResponse {
		limits := &echelonv1.ReviewThresholds{TopCustomers: proto.Int32(1)}
		list := h.review(&echelonv1.ListReviewItemsRequest{RunId: run.GetId(), Item: "coverage", Thresholds: limits})
		list.Provenance = nil
		return list
	}
	before := list()
	h.same("the queue", queued(before), []string{"falls coverage: top_demoted"})
	h.upsert("small", usage(45, 9000))
	h.upsert("falls", usage(45, 7))
	if diff := cmp.Diff(before, list(), protocmp.Transform()); diff != "" {
		h.Errorf("the queue after customers were written (-before +after):\n%s", diff)
	}
	preview, err := h.runs.PreviewRun(h.context(), &echelonv1.PreviewRunRequest{To: &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: run.GetId()}}, Tiering: "coverage"})
	h.must(err)
	for _, mover := range preview.GetDemotions() {
		if item := before.GetItems()[0]; mover.GetCustomerId() == item.GetCustomerId() && mover.GetAmount() != item.GetAmount() {
			h.Errorf("the preview gives %s %g, and the queue %g", mover.GetCustomerId(), mover.GetAmount(), item.GetAmount())
		}
	}
}

func TestTheReviewQueueHasWhatPeopleOughtToLookAtAndWhy(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("below", usage(59, 10))
	h.upsert("above", usage(31, 20))
	h.upsert("clear", usage(45, 30))
	h.upsert("bare", attrs{"arr": 40, "growth": 20})
	h.upsert("blank", attrs{"growth": 20})
	h.upsert("falls", usage(80, 500))
	h.upsert("slips", usage(80, 400))
	h.upsert("small", usage(80, 1))
	h.published("tall")
	h.upsert("falls", usage(10, 500))
	h.upsert("slips", usage(45, 400))
	h.upsert("small", usage(45, 1))
	run := h.published("tall")

	limits := &echelonv1.ReviewThresholds{TopCustomers: proto.Int32(2)}
	list := h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Thresholds: limits})
	h.same("the queue", queued(list), []string{
		"falls coverage: large_move, top_demoted", "slips coverage: top_demoted", "bare coverage: low_completeness", "above coverage: borderline", "below coverage: borderline",
		"blank coverage: unscored",
	})
	if list.GetTotal() != 6 || list.GetAmount() != "arr" || list.GetProvenance().GetRunId() != run.GetId() || list.GetBaseRunId() == "" {
		t.Errorf("the list is of %d items, of %q, of the run %q from %q", list.GetTotal(), list.GetAmount(), list.GetProvenance().GetRunId(), list.GetBaseRunId())
	}
	counts := map[string]string{}
	for _, c := range list.GetCounts() {
		counts[c.GetKind().String()] = fmt.Sprintf("%d of %g", c.GetItems(), c.GetAmount())
	}
	h.same("counts", counts, map[string]string{
		"BORDERLINE": "2 of 30", "LOW_COMPLETENESS": "1 of 40", "UNSCORED": "1 of 0", "LARGE_MOVE": "1 of 500", "TOP_DEMOTED": "2 of 900",
	})
	var words []string
	for _, item := range list.GetItems() {
		for _, r := range item.GetReasons() {
			words = append(words, r.GetMessage())
		}
	}
	h.same("words", words, []string{
		"it moved over 2 tiers, from high to low", "it is one of the 2 customers with the largest arr, and fell from high to low",
		"it is one of the 2 customers with the largest arr, and fell from high to mid", "scores.value was computed from 25 % of its weight",
		"scores.value 31 is 1 point above the line of mid at 30", "scores.value 59 is 1 point below the line of high at 60", "it has no tier",
	})
	if got := list.GetItems()[0]; got.GetBefore() != "high" || got.GetInForce() != "low" || got.GetComputed() != "low" || got.GetAmount() != 500 {
		t.Errorf("the first is %v", got)
	}

	narrow := &echelonv1.ReviewThresholds{
		BorderlinePoints: proto.Float64(0), MinCompleteness: proto.Float64(0.2), LargeMove: proto.Int32(3), TopCustomers: proto.Int32(0),
	}
	h.same("with other thresholds", queued(h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Thresholds: narrow})), []string{"blank coverage: unscored"})
	kinds := []echelonv1.ReviewReason_Kind{echelonv1.ReviewReason_BORDERLINE, echelonv1.ReviewReason_UNSCORED}
	h.same("of some reasons", queued(h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Kinds: kinds})),
		[]string{"above coverage: borderline", "below coverage: borderline", "blank coverage: unscored"})
}

func TestADiagonalOfThe4BoxIsALargeMove(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("diagonal", attrs{"usage": 80, "arr": 1, "growth": 80})
	h.upsert("across", attrs{"usage": 80, "arr": 1, "growth": 80})
	h.published("tall")
	h.upsert("diagonal", attrs{"usage": 1, "arr": 1, "growth": 1})
	h.upsert("across", attrs{"usage": 80, "arr": 1, "growth": 1})
	preview := h.run("tall")
	moves := &echelonv1.ListReviewItemsRequest{Item: "box", Kinds: []echelonv1.ReviewReason_Kind{echelonv1.ReviewReason_LARGE_MOVE}, RunId: preview.GetId()}
	h.same("of the preview", queued(h.review(moves)), []string{"diagonal box: large_move, top_demoted"})
	moves.RunId = ""
	h.same("of what is published", queued(h.review(moves)), []string{})
	h.must(h.publish(preview.GetId()))
	h.same("once published", queued(h.review(moves)), []string{"diagonal box: large_move, top_demoted"})
	moves.RunId = preview.GetId()
	h.same("by the run's id", queued(h.review(moves)), []string{"diagonal box: large_move, top_demoted"})
}

func TestOverridesInDoubtAreReviewedAndWhatIsPinnedIsNotReviewedOtherwise(t *testing.T) {
	now := noon
	h := start(t, func(c *server.Config) { c.Now = func() time.Time { return now } })
	h.create(tall)
	for _, id := range []string{"stale", "needless", "expiring", "kept", "held"} {
		h.upsert(id, usage(59, 1))
	}
	h.published("tall")
	pin := func(id, tier string, until *timestamppb.Timestamp) {
		h.override(&echelonv1.Override{Model: "tall", CustomerId: id, Item: "coverage", Pinned: tier, Reason: "r", ExpireTime: until})
	}
	pin("stale", "high", nil)
	pin("needless", "low", nil)
	pin("expiring", "high", timestamppb.New(now.AddDate(0, 0, 10)))
	pin("kept", "high", timestamppb.New(now.AddDate(0, 0, 60)))
	pin("held", "mid", nil) // where it is, so that it stays there
	h.override(&echelonv1.Override{Model: "tall", CustomerId: "stale", Item: "segments.size", Pinned: "large", Reason: "r"})
	h.same("at first", queued(h.review(only("coverage"))), []string{"expiring coverage: override_expiring"})
	h.upsert("stale", usage(10, 100))
	h.upsert("needless", usage(10, 1))
	h.published("tall")
	h.same("after moves", queued(h.review(&echelonv1.ListReviewItemsRequest{Kinds: []echelonv1.ReviewReason_Kind{6, 7, 8}})), []string{
		"stale coverage: override_stale", "stale segments.size: override_needless", "expiring coverage: override_expiring", "needless coverage: override_needless",
	})
	if o := h.review(only("coverage")).GetItems()[0].GetOverride(); o.GetPinned() != "high" || o.GetComputed() != "low" || !o.GetStale() {
		t.Errorf("its override is %v", o)
	}
	// An end that is accepted stays accepted until the override is another one.
	_, err := h.resolve(accept("expiring", "coverage"), accept("stale", "segments.size"))
	h.must(err)
	h.same("accepted", queued(h.review(&echelonv1.ListReviewItemsRequest{Kinds: []echelonv1.ReviewReason_Kind{6, 7, 8}})),
		[]string{"stale coverage: override_stale", "needless coverage: override_needless"})
	pin("expiring", "high", timestamppb.New(now.AddDate(0, 0, 5)))
	h.same("pinned anew", queued(h.review(only("coverage"))),
		[]string{"stale coverage: override_stale", "expiring coverage: override_expiring", "needless coverage: override_needless"})
}

func TestWhatIsAcceptedComesBackWhenTheMatterChangesAndNotBefore(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("a", usage(59, 10))
	h.published("tall")
	h.upsert("a", usage(59.5, 10))
	done, err := h.resolve(accept("a", ""))
	h.must(err)
	if a := done[0].GetAccepted(); done[0].GetItem() != "coverage" || a.GetActor() != "anonymous" || a.GetNote() != "seen" || a.GetComputed() != "mid" || !a.GetTime().AsTime().Equal(noon) {
		t.Errorf("what was resolved is %v", done)
	}
	empty := func(when string) { t.Helper(); h.same(when, queued(h.review(only("coverage"))), []string{}) }
	empty("accepted")
	h.published("tall")
	empty("after another run, half a point nearer")
	list := h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Accepted: true})
	h.same("the accepted ones", queued(list), []string{"a coverage: borderline"})
	if list.GetItems()[0].GetAccepted().GetNote() != "seen" || list.GetOthers() != 0 || h.review(only("coverage")).GetOthers() != 1 {
		t.Errorf("it was %v", list)
	}
	h.upsert("a", usage(60.5, 10))
	h.published("tall")
	h.same("on the other side", queued(h.review(only("coverage"))), []string{"a coverage: borderline"})
	_, err = h.resolve(accept("a", "coverage"))
	h.must(err)
	empty("accepted again")
	h.upsert("a", usage(10, 10))
	h.published("tall")
	h.same("moved", queued(h.review(only("coverage"))), []string{"a coverage: large_move, top_demoted"})
	_, err = h.resolve(accept("a", "coverage"))
	h.must(err)
	empty("the move accepted")
	h.upsert("a", usage(80, 10))
	h.published("tall")
	h.upsert("a", usage(10, 10))
	h.published("tall")
	h.same("the same move in another run", queued(h.review(only("coverage"))), []string{"a coverage: large_move, top_demoted"})
}

func TestAnItemBecomesAnOverrideInOneCall(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("a", usage(59, 10))
	h.upsert("b", usage(59, 10))
	h.published("tall")
	soon := pinned("b", "coverage", "high")
	soon.GetPin().ExpireTime = timestamppb.New(noon.AddDate(0, 0, 7))
	done, err := h.resolve(pinned("a", "coverage", "high"), soon)
	h.must(err)
	if o := done[0].GetOverride(); o.GetPinned() != "high" || o.GetActor() != "anonymous" || o.GetEtag() == "" || done[0].GetAccepted() != nil {
		t.Errorf("what was resolved is %v", done[0])
	}
	if got := h.inForce("tall", "a"); got != "high, computed mid" {
		t.Errorf("it is in %s", got)
	}
	h.same("the queue", queued(h.review(only("coverage"))), []string{}) // that the second ends soon is known to who said so
	if got := h.overrides(&echelonv1.ListOverridesRequest{Model: "tall"}); len(got) != 2 || got[0].GetReason() != "known to be good" {
		t.Errorf("the overrides are %v", got)
	}
}

func TestPagesOfTheQueueAreTheWholeQueue(t *testing.T) {
	h := start(t)
	h.create(tall)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		h.upsert(fmt.Sprintf("c%02d", i), usage(float64(random.IntN(100)), random.IntN(9)))
	}
	h.published("tall")
	for i := range 30 {
		h.upsert(fmt.Sprintf("c%02d", i), usage(float64(random.IntN(100)), random.IntN(9)))
	}
	h.published("tall")
	whole := h.review(&echelonv1.ListReviewItemsRequest{})
	if int64(len(whole.GetItems())) != whole.GetTotal() || whole.GetTotal() < 20 {
		t.Fatalf("%d items, and %d in all", len(whole.GetItems()), whole.GetTotal())
	}
	if !slices.IsSortedFunc(whole.GetItems(), func(a, b *echelonv1.ReviewItem) int { return int(b.GetAmount() - a.GetAmount()) }) {
		t.Error("the largest amounts do not come first")
	}
	for _, size := range []int32{1, 7} {
		h.same(fmt.Sprintf("pages of %d", size), queued(h.review(&echelonv1.ListReviewItemsRequest{PageSize: size})), queued(whole))
	}
}

func TestBadReviewsAreRefusedAndChangeNothing(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("a", usage(59, 10))
	h.upsert("b", usage(59, 10))
	h.upsert("clear", usage(45, 10))
	h.published("tall")
	h.upsert("new", usage(59, 10))
	etag := h.review(only("coverage")).GetItems()[0].GetEtag()
	h.override(&echelonv1.Override{Model: "tall", CustomerId: "b", Item: "coverage", Pinned: "high", Reason: "r", ExpireTime: timestamppb.New(noon.AddDate(0, 0, 5))})
	before := queued(h.review(&echelonv1.ListReviewItemsRequest{}))

	invalid := func(words ...string) wanted {
		return wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"decisions[1]"}, words}
	}
	change := func(d *echelonv1.ReviewDecision, fn func(*echelonv1.ReviewDecision)) *echelonv1.ReviewDecision {
		fn(d)
		return d
	}
	for name, test := range map[string]struct {
		second *echelonv1.ReviewDecision
		want   wanted
	}{
		"an unknown customer":        {accept("nobody", ""), wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, []string{"decisions[1]"}, []string{"nobody"}}},
		"a customer without outcome": {accept("new", ""), wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, []string{"decisions[1]"}, []string{"new"}}},
		"an unknown tiering":         {accept("b", "coverag"), invalid("coverag", `did you mean "coverage"`)},
		"an unknown tier":            {pinned("b", "coverage", "hihg"), invalid(`did you mean "high"`)},
		"what is not in the queue":   {accept("clear", ""), wanted{codes.NotFound, echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND, nil, []string{"clear", "list the queue anew"}}},
		"an expiry in the past":      {change(pinned("b", "", "high"), func(d *echelonv1.ReviewDecision) { d.GetPin().ExpireTime = timestamppb.New(noon.Add(-time.Hour)) }), invalid("in the future")},
		"the same item twice":        {accept("a", "coverage"), invalid("decide once")},
		"a stale etag": {change(accept("b", ""), func(d *echelonv1.ReviewDecision) { d.Etag = &etag }),
			wanted{codes.Aborted, echelonv1.ErrorReason_REVIEW_ITEM_CHANGED, nil, []string{"decide anew"}}},
		"an override that is not that one": {change(pinned("b", "", "high"), func(d *echelonv1.ReviewDecision) { d.GetPin().Etag = proto.String("old") }),
			wanted{codes.Aborted, echelonv1.ErrorReason_OVERRIDE_CHANGED, []string{"decisions[1]"}, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.resolve(accept("a", "coverage"), test.second)
			test.want.check(t, err)
		})
	}
	h.same("the queue", queued(h.review(&echelonv1.ListReviewItemsRequest{})), before)

	page, err := h.assignments.ListReviewItems(h.context(), &echelonv1.ListReviewItemsRequest{Model: "tall", PageSize: 1})
	h.must(err)
	_, err = h.resolve(accept("a", ""))
	h.must(err)
	_, err = h.resolve(accept("a", ""))
	wanted{codes.NotFound, echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND, nil, []string{"was accepted by anonymous"}}.check(t, err)

	for name, request := range map[string]*echelonv1.ListReviewItemsRequest{
		"another reason":    {Model: "tall", Kinds: []echelonv1.ReviewReason_Kind{echelonv1.ReviewReason_UNSCORED}},
		"another threshold": {Model: "tall", Thresholds: &echelonv1.ReviewThresholds{BorderlinePoints: proto.Float64(9)}},
		"the accepted":      {Model: "tall", Accepted: true},
	} {
		request.PageToken = page.GetNextPageToken()
		_, err := h.assignments.ListReviewItems(h.context(), request)
		t.Run("a token of another filter: "+name, func(t *testing.T) {
			wanted{code: codes.InvalidArgument, reason: echelonv1.ErrorReason_PAGE_TOKEN_INVALID}.check(t, err)
		})
	}
	for name, test := range map[string]struct {
		request *echelonv1.ListReviewItemsRequest
		want    wanted
	}{
		"an unknown item":     {&echelonv1.ListReviewItemsRequest{Model: "tall", Item: "segments.siz"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"item"}, []string{"segments.size"}}},
		"an unknown run":      {&echelonv1.ListReviewItemsRequest{Model: "tall", RunId: "none"}, wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_RUN_NOT_FOUND}},
		"an unknown model":    {&echelonv1.ListReviewItemsRequest{Model: "none"}, wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_MODEL_NOT_FOUND}},
		"a share above 1":     {&echelonv1.ListReviewItemsRequest{Model: "tall", Thresholds: &echelonv1.ReviewThresholds{MinCompleteness: proto.Float64(80)}}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"thresholds.min_completeness"}, nil}},
		"a reason of no kind": {&echelonv1.ListReviewItemsRequest{Model: "tall", Kinds: []echelonv1.ReviewReason_Kind{77}}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"kinds[0]"}, nil}},
	} {
		_, err := h.assignments.ListReviewItems(h.context(), test.request)
		t.Run(name, func(t *testing.T) { test.want.check(t, err) })
	}
}

func TestDecisionsAreAuditedAndGoneWithTheirCustomer(t *testing.T) {
	h := start(t)
	h.create(tall)
	for _, id := range []string{"a", "b", "c"} {
		h.upsert(id, usage(59, 10))
	}
	h.published("tall")
	_, err := h.resolve(accept("a", ""), pinned("b", "", "high"))
	h.must(err)
	_, err = h.resolve(accept("c", ""))
	h.must(err)
	listed, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{PageSize: 2})
	h.must(err)
	h.same("the audit log", []string{told(listed.GetEntries()[0], ""), told(listed.GetEntries()[1], "")},
		[]string{"anonymous ResolveReviewItems customers/c", "anonymous ResolveReviewItems customers 2"})

	_, err = h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "a"})
	h.must(err)
	_, err = h.customers.EraseCustomer(h.context(), &echelonv1.EraseCustomerRequest{CustomerId: "c"})
	h.must(err)
	h.upsert("a", usage(59, 10))
	h.upsert("c", usage(59, 10))
	h.published("tall")
	h.same("the queue", queued(h.review(only("coverage"))), []string{"a coverage: borderline", "c coverage: borderline"})
}

// Who is in the queue for its fall alone can be accepted, which needs a way through all customers; who is not large cannot.
func TestATopCustomerThatFellIsAccepted(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("large", usage(80, 1000))
	h.upsert("small", usage(80, 1))
	h.published("tall")
	h.upsert("large", usage(45, 1000))
	h.upsert("small", usage(45, 1))
	h.published("tall")
	resolve := func(id string) error {
		_, err := h.assignments.ResolveReviewItems(h.context(), &echelonv1.ResolveReviewItemsRequest{
			Model: "tall", Thresholds: &echelonv1.ReviewThresholds{TopCustomers: proto.Int32(1)}, Decisions: []*echelonv1.ReviewDecision{accept(id, "")},
		})
		return err
	}
	wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND}.check(t, resolve("small"))
	h.must(resolve("large"))
	h.same("the queue", queued(h.review(only("coverage"))), []string{"small coverage: top_demoted"}) // with the default, it is among the largest
}
