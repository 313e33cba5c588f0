package server_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

func byRun(run *echelonv1.Run) *echelonv1.RunRef {
	return &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: run.GetId()}}
}

func current(model string) *echelonv1.RunRef {
	return &echelonv1.RunRef{Run: &echelonv1.RunRef_CurrentOf{CurrentOf: model}}
}

// compared returns the table and all movers, in pages of a size.
func (h *harness) compared(from, to *echelonv1.RunRef, tiering string, size int32) (*echelonv1.Migration, []*echelonv1.Mover, error) {
	h.Helper()
	request := &echelonv1.CompareRunsRequest{From: from, To: to, Tiering: tiering, PageSize: size}
	var table *echelonv1.Migration
	var movers []*echelonv1.Mover
	for {
		page, err := h.runs.CompareRuns(h.context(), request)
		if err != nil {
			return nil, nil, err
		}
		if (request.GetPageToken() == "") != (page.GetMigration() != nil) {
			h.Errorf("the page after %q has the table %v", request.GetPageToken(), page.GetMigration())
		}
		if table == nil {
			table = page.GetMigration()
		}
		movers = append(movers, page.GetMovers()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return table, movers, nil
		}
	}
}

func placed(p *echelonv1.MigrationPlace) string {
	if p.GetKind() == echelonv1.MigrationPlace_TIER {
		return p.GetTier()
	}
	return strings.ToLower(p.GetKind().String())
}

func cells(m *echelonv1.Migration) string {
	var all []string
	for _, c := range m.GetCells() {
		all = append(all, fmt.Sprintf("%s>%s %d %g", placed(c.GetFrom()), placed(c.GetTo()), c.GetCustomers(), c.GetAmount()))
	}
	return strings.Join(all, ", ")
}

func moved(movers []*echelonv1.Mover) string {
	var all []string
	for _, m := range movers {
		all = append(all, fmt.Sprintf("%s %s %s>%s %g", m.GetCustomerId(), strings.ToLower(m.GetDirection().String()), placed(m.GetFrom()), placed(m.GetTo()), m.GetAmount()))
	}
	return strings.Join(all, ", ")
}

// sized leaves customers out.
var sized = strings.Replace(plain, "name: plain", "name: sized\npopulation: coalesce(arr, 0) >= 0", 1)

func TestTwoRunsAreComparedCustomerByCustomer(t *testing.T) {
	h := start(t)
	h.create(sized)
	for id, arr := range map[string]float64{"down": 90, "gone": 80, "left": 70, "up": 10, "stays": 20, "out": 60, "back": -1} {
		h.upsert(id, attrs{"arr": arr})
	}
	h.upsert("blank", attrs{})
	before := h.published("sized")
	for id, arr := range map[string]float64{"down": 5, "up": 95, "out": -2, "back": 55, "new": 75} {
		h.upsert(id, attrs{"arr": arr})
	}
	for _, id := range []string{"gone", "left"} {
		_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: id})
		h.must(err)
	}
	after := h.run("sized")
	for _, size := range []int32{0, 1, 2, 3} {
		table, movers, err := h.compared(byRun(before), byRun(after), "", size)
		h.must(err)
		want := "high>low 1 5, high>excluded 1 -2, high>absent 2 150, low>high 1 95, low>low 1 20, "
		if got := cells(table); !strings.HasPrefix(got, want) {
			t.Errorf("the cells are %s", got)
		}
		if got := moved(movers); got != "back other excluded>high 55, down demoted high>low 5, out other high>excluded -2, up promoted low>high 95" {
			t.Errorf("in pages of %d the movers are %s", size, got)
		}
		if table.GetBoth() != 6 || table.GetStayed() != 2 || table.GetPromoted() != 1 || table.GetDemoted() != 1 || table.GetMovedOtherwise() != 2 ||
			table.GetNewcomers() != 1 || table.GetLeavers() != 2 || table.GetDeleted() != 2 || table.GetAmount() != "arr" || table.GetTiering() != "coverage" {
			t.Errorf("the table is %v", table)
		}
		var all int64
		for _, c := range table.GetCells() {
			all += c.GetCustomers()
		}
		if all != table.GetBoth()+table.GetNewcomers()+table.GetLeavers() {
			t.Errorf("the cells have %d customers", all)
		}
		down := movers[1]
		if len(down.GetFromReasons()) == 0 || len(down.GetToReasons()) == 0 || down.GetFromOutcome().GetTier() != "high" || down.GetToOutcome().GetTier() != "low" {
			t.Errorf("down is told as %v", down)
		}
		for _, r := range slices.Concat(down.GetFromReasons(), down.GetToReasons()) {
			if strings.HasPrefix(r.GetItem(), "segments.") {
				t.Errorf("a reason of down is about segments: %v", r)
			}
		}
	}
	table, movers, err := h.compared(byRun(after), byRun(after), "coverage", 0)
	h.must(err)
	if len(movers) != 0 || table.GetStayed() != table.GetBoth() || table.GetBoth() != after.GetSummary().GetBalance().GetCustomers() {
		t.Errorf("a run by itself: %v, %s", table, moved(movers))
	}
}

// Amounts are those that each run read, whatever became of the customers since; of a run that was made before snapshots kept them, those of now.
func TestAmountsAreThoseOfTheRuns(t *testing.T) {
	h := start(t)
	h.create(plain)
	for id, arr := range map[string]float64{"down": 90, "stays": 60, "left": 70} {
		h.upsert(id, attrs{"arr": arr})
	}
	h.upsert("blank", attrs{})
	before := h.published("plain")
	h.upsert("down", attrs{"arr": 5})
	h.upsert("new", attrs{"arr": 3})
	_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "left"})
	h.must(err)
	after := h.run("plain")
	for _, id := range []string{"down", "stays", "new"} {
		h.upsert(id, attrs{"arr": 50000})
	}
	both := func() (list []string) {
		table, movers, err := h.compared(byRun(before), byRun(after), "", 0)
		h.must(err)
		if table.GetAmount() != "arr" || table.GetFromAmount() != "arr" || len(movers) != 1 {
			t.Fatalf("%v, %v", table, movers)
		}
		for _, c := range table.GetCells() {
			list = append(list, fmt.Sprintf("%s>%s %g>%g", placed(c.GetFrom()), placed(c.GetTo()), c.GetFromAmount(), c.GetAmount()))
		}
		return append(list, fmt.Sprintf("%s %g>%g, of now %t", movers[0].GetCustomerId(), movers[0].GetFromAmount(), movers[0].GetAmount(), table.GetAmountsOfNow()))
	}
	want := []string{"high>high 60>60", "high>low 90>5", "high>absent 70>70", "unscored>unscored 0>0", "absent>low 0>3", "down 90>5, of now false"}
	if diff := cmp.Diff(want, both()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	_, err = h.store.RewriteBlock(context.Background(), before.GetId(), "down", func(b *storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error) {
		b.Amounts = nil
		return []*storagev1.SnapshotBlock{b}, nil
	})
	h.must(err)
	want = []string{"high>high 50000>60", "high>low 50000>5", "high>absent 0>0", "unscored>unscored 0>0", "absent>low 0>3", "down 50000>5, of now true"}
	if diff := cmp.Diff(want, both()); diff != "" {
		t.Errorf("without amounts in one: -want +got\n%s", diff)
	}
}

func TestWhatIsPublishedIsComparedAsItIsNow(t *testing.T) {
	h := start(t)
	h.create(plain)
	for _, id := range []string{"a", "b", "c", "d"} {
		h.upsert(id, attrs{"arr": 10})
	}
	run := h.published("plain")
	h.move("b", 90)
	h.override(pin("plain", "c", "high"))
	_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "d"})
	h.must(err)
	table, movers, err := h.compared(byRun(run), current("plain"), "", 1)
	h.must(err)
	if got := moved(movers); got != "b promoted low>high 90, c promoted low>high 10" || table.GetLeavers() != 1 || table.GetBoth() != 3 {
		t.Errorf("%s; %v", got, table)
	}
	if c := movers[1].GetToOutcome(); c.GetComputedTier() != "low" {
		t.Errorf("the override hides what is computed: %v", c)
	}
}

func TestRunsOfTwoModelsAreComparedByATieringOfBoth(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	for i := range 5 {
		h.upsert(fmt.Sprintf("c%d", i), attrs{"arr": 20 * (i + 1)})
	}
	draft, published := h.run("ranked"), h.published("plain")
	_, movers, err := h.compared(current("plain"), byRun(draft), "", 0)
	h.must(err)
	if got := moved(movers); got != "c2 demoted high>low 60" {
		t.Errorf("the draft moves %s", got)
	}
	_, movers, err = h.compared(byRun(draft), byRun(published), "", 0)
	h.must(err)
	if got := moved(movers); got != "c2 promoted low>high 60" {
		t.Errorf("the other way it moves %s", got)
	}
}

func TestPagesGoOnInThePublicationThatTheyBeganWith(t *testing.T) {
	h := start(t)
	h.create(plain)
	for _, id := range []string{"a", "b", "c"} {
		h.upsert(id, attrs{"arr": 10})
	}
	first := h.published("plain")
	for _, id := range []string{"a", "b", "c"} {
		h.move(id, 90)
	}
	request := &echelonv1.CompareRunsRequest{From: byRun(first), To: current("plain"), PageSize: 1}
	page, err := h.runs.CompareRuns(h.context(), request)
	h.must(err)
	h.published("plain")
	h.move("b", 10)
	request.PageToken = page.GetNextPageToken()
	page, err = h.runs.CompareRuns(h.context(), request)
	h.must(err)
	if got := moved(page.GetMovers()); got != "b promoted low>high 90" {
		t.Errorf("the second page has %s", got)
	}
	request.Tiering = "other"
	_, err = h.runs.CompareRuns(h.context(), request)
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, []string{"another request"}}.check(t, err)
}

func TestWhatCannotBeComparedIsSaid(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	h.create(strings.NewReplacer("name: plain", "name: odd", "name: coverage", "name: reach").Replace(plain))
	h.upsert("a", attrs{"arr": 10})
	run, odd := h.published("plain"), h.run("odd")
	removed, failed := h.run("plain"), h.run("plain")
	removed.SnapshotRemoved, failed.State = true, echelonv1.Run_FAILED
	h.must(h.store.Update(context.Background(), func(tx storage.Tx) error {
		for _, r := range []*echelonv1.Run{removed, failed} {
			if err := tx.PutDocument(storage.KindRun, r.GetId(), r); err != nil {
				return err
			}
		}
		return nil
	}))
	none := &echelonv1.Run{Id: "none"}
	for name, c := range map[string]struct {
		from, to *echelonv1.RunRef
		tiering  string
		want     wanted
	}{
		"a run that nobody started": {byRun(none), byRun(run), "", wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, []string{`"none"`, "list the runs"}}},
		"a run whose snapshot was removed": {byRun(run), byRun(removed), "",
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SNAPSHOT_REMOVED, nil, []string{removed.GetId(), "take a newer one"}}},
		"a run that failed": {byRun(failed), byRun(run), "", wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_STATE, nil, []string{"FAILED", "take another"}}},
		"a model of which nothing is published": {current("ranked"), byRun(run), "",
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_PUBLISHED, nil, []string{`"ranked"`, "publish"}}},
		"a model that nobody created": {current("nobody"), byRun(run), "", wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{`"nobody"`}}},
		"a tiering that there is not": {byRun(run), byRun(run), "covrage",
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`"covrage"`, `did you mean "coverage"`}}},
		"a tiering that one has": {byRun(run), byRun(odd), "coverage", wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`"odd"`, "it has reach"}}},
		"models without a common tiering": {byRun(run), byRun(odd), "",
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"no tiering in common", "has coverage", "has reach", "name a tiering alike"}}},
		"no run":           {nil, byRun(run), "", wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"from"}, nil}},
		"an empty one":     {byRun(run), &echelonv1.RunRef{}, "", wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"to.run"}, nil}},
		"a run without id": {byRun(&echelonv1.Run{}), byRun(run), "", wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"from.run_id"}, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := h.compared(c.from, c.to, c.tiering, 0)
			c.want.check(t, err)
		})
	}
}

// Customers of several blocks of a snapshot, which pages begin amid; amounts that need the families of the run.
func TestPagesOfManyBlocksHaveEveryMoverOnce(t *testing.T) {
	h := start(t)
	h.create(strings.Replace(strings.Replace(plain, "amount: arr", "amount: coalesce(family_sum(arr), 0)\nparent: parent", 1),
		"attributes:\n", "attributes:\n  - {name: parent, type: STRING}\n", 1))
	const customers = 1100
	write := func(arr func(i int) float64) *echelonv1.Run {
		for i := range customers {
			h.upsert(fmt.Sprintf("c%04d", i), attrs{"arr": arr(i), "parent": fmt.Sprintf("c%04d", i&^1)})
		}
		return h.run("plain")
	}
	before := write(func(int) float64 { return 10 })
	after := write(func(i int) float64 { return float64(10 + 80*(i%2)) })
	table, movers, err := h.compared(byRun(before), byRun(after), "", 97)
	h.must(err)
	if table.GetBoth() != customers || table.GetPromoted() != customers/2 || len(movers) != customers/2 {
		t.Fatalf("%d movers, and the table %v", len(movers), table)
	}
	for i, m := range movers {
		if want := fmt.Sprintf("c%04d promoted low>high 100", 2*i+1); moved(movers[i:i+1]) != want {
			t.Fatalf("mover %d is %s, want %s", i, moved([]*echelonv1.Mover{m}), want)
		}
	}
}
