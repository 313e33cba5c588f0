package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (h *harness) createModel(m *echelonv1.Model) *echelonv1.ModelVersion {
	h.Helper()
	got, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: m})
	h.must(err)
	return got.GetVersion()
}

func (h *harness) getModel(name string, version int64) *echelonv1.ModelVersion {
	h.Helper()
	got, err := h.models.GetModel(h.context(), &echelonv1.GetModelRequest{Name: name, Version: version})
	h.must(err)
	return got.GetVersion()
}

// changed is another version of the plain model.
func changed(t testing.TB, score int) *echelonv1.Model {
	return model(t, strings.Replace(plain, "min_score: 50", fmt.Sprintf("min_score: %d", score), 1))
}

func TestAModelIsKeptInImmutableVersions(t *testing.T) {
	h := start(t)
	first := h.createModel(model(t, plain))
	if first.GetVersion() != 1 || first.GetActive() || first.GetFingerprint() == "" || !first.GetCreateTime().AsTime().Equal(noon) {
		t.Errorf("the first version is %v", first)
	}
	if diff := cmp.Diff(model(t, plain), first.GetModel(), protocmp.Transform()); diff != "" {
		t.Errorf("the model changed (-given +stored):\n%s", diff)
	}
	if again := h.createModel(model(t, plain)); !cmp.Equal(first, again, protocmp.Transform()) {
		t.Errorf("created again: %v", cmp.Diff(first, again, protocmp.Transform()))
	}
	second := h.createModel(changed(t, 60))
	third := h.createModel(model(t, plain)) // it equals the first, which is not the newest
	if second.GetVersion() != 2 || third.GetVersion() != 3 {
		t.Errorf("the versions are %d and %d", second.GetVersion(), third.GetVersion())
	}
	if third.GetFingerprint() != first.GetFingerprint() || second.GetFingerprint() == first.GetFingerprint() {
		t.Error("the fingerprints do not tell equal models from others")
	}
	for _, want := range []*echelonv1.ModelVersion{first, second, third} {
		if diff := cmp.Diff(want, h.getModel("plain", want.GetVersion()), protocmp.Transform()); diff != "" {
			t.Errorf("version %d (-created +got):\n%s", want.GetVersion(), diff)
		}
	}
	if got := h.getModel("plain", 0); got.GetVersion() != 3 {
		t.Errorf("without an active version the newest is got, not %d", got.GetVersion())
	}
}

func TestAVersionIsActivatedAndChangesNoAssignment(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 55})
	published := h.published("plain")
	h.createModel(changed(t, 90))
	got, err := h.models.ActivateModel(h.context(), &echelonv1.ActivateModelRequest{Name: "plain"})
	h.must(err)
	if v := got.GetVersion(); v.GetVersion() != 2 || !v.GetActive() || v.GetModel() != nil {
		t.Errorf("activated is %v", v)
	}
	if v := h.getModel("plain", 0); v.GetVersion() != 2 || !v.GetActive() {
		t.Errorf("got is %v", v)
	}
	if v := h.getModel("plain", 1); v.GetActive() {
		t.Error("the version before is active too")
	}
	a, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: "a"})
	h.must(err)
	if tier(a.GetAssignment()) != "high" || a.GetAssignment().GetProvenance().GetRunId() != published.GetId() {
		t.Errorf("the assignment is %v", a)
	}
	if run := h.run("plain"); run.GetModelVersion() != 2 {
		t.Errorf("the next run is of version %d", run.GetModelVersion())
	}
	if again := h.createModel(changed(t, 90)); again.GetVersion() != 2 || !again.GetActive() {
		t.Errorf("created again: %v", again)
	}
}

func TestValidatingAModelStoresNothing(t *testing.T) {
	h := start(t)
	bad := model(t, plain)
	bad.Scores[0].Criteria[0].Expr = "ar"
	for _, test := range []struct {
		name     string
		model    *echelonv1.Model
		mistakes int
		needs    bool
	}{
		{"good", model(t, plain), 0, false},
		{"one that learns", model(t, ranked), 0, true},
		{"bad", bad, 1, false},
		{"empty", &echelonv1.Model{}, 2, false},
	} {
		got, err := h.models.ValidateModel(h.context(), &echelonv1.ValidateModelRequest{Model: test.model})
		h.must(err)
		mistakes := 0
		for _, f := range got.GetFindings() {
			if f.GetSeverity() == echelonv1.Finding_MISTAKE {
				mistakes++
			}
		}
		if mistakes != test.mistakes || got.GetNeedsCalibration() != test.needs {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	list, err := h.models.ListModels(h.context(), &echelonv1.ListModelsRequest{})
	h.must(err)
	if len(list.GetModels()) > 0 {
		t.Errorf("stored are %v", list)
	}
}

func TestModelsAreListedByNameAtAllPageSizes(t *testing.T) {
	h := start(t)
	var want []*echelonv1.ModelSummary
	for i := range 9 {
		name := fmt.Sprintf("m%d", i)
		m := model(t, strings.Replace(plain, "plain", name, 1))
		m.Description = "about " + name
		h.createModel(m)
		want = append(want, &echelonv1.ModelSummary{Name: name, Description: m.GetDescription(), LatestVersion: 1})
	}
	h.create(plain)
	h.upsert("a", attrs{"arr": 55})
	run := h.published("plain")
	h.createModel(changed(t, 90))
	want = append(want, &echelonv1.ModelSummary{Name: "plain", LatestVersion: 2, ActiveVersion: 1, CurrentRunId: run.GetId(), CurrentVersion: 1})
	for _, size := range []int32{0, 1, 2, 7, 10, 1000} {
		var got []*echelonv1.ModelSummary
		for request := (&echelonv1.ListModelsRequest{PageSize: size}); ; {
			page, err := h.models.ListModels(h.context(), request)
			h.must(err)
			got = append(got, page.GetModels()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestModelsThatAreCreatedAtOnceAreVersionsOrTheSame(t *testing.T) {
	h := serve(t, openBadger(t, t.TempDir()))
	const n = 8
	versions := make([]int64, n)
	create := func(score func(i int) int) {
		t.Helper()
		for i, err := range atOnce(n, func(i int) error {
			got, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: changed(t, score(i))})
			versions[i] = got.GetVersion().GetVersion()
			return err
		}) {
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		slices.Sort(versions)
	}
	create(func(int) int { return 50 })
	if want := slices.Repeat([]int64{1}, n); !slices.Equal(versions, want) {
		t.Errorf("equal models are the versions %v", versions)
	}
	create(func(i int) int { return 60 + i })
	if want := []int64{2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(versions, want) {
		t.Errorf("different models are the versions %v", versions)
	}
	for version := range int64(9) {
		if v := h.getModel("plain", version+1); v.GetCreateTime().AsTime() != timestamppb.New(noon).AsTime() {
			t.Errorf("version %d is %v", version+1, v)
		}
	}
}

func TestAConflictOfTypesNamesEveryAttributeAndStoresNothing(t *testing.T) {
	h := start(t)
	h.create(plain)
	other := strings.NewReplacer("name: plain", "name: other",
		"employees, type: INTEGER", "employees, type: NUMBER", "renewal, type: DATE", "renewal, type: TIMESTAMP",
		"  - {name: tags, type: STRING_LIST}", "  - {name: tags, type: STRING_LIST}\n  - {name: fresh, type: NUMBER}").Replace(plain)
	_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(t, other)})
	w := wanted{statusCode(err), echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"employees", "renewal"}, []string{"employees"}}
	w.check(t, err)
	if _, err := h.models.GetModel(h.context(), &echelonv1.GetModelRequest{Name: "other"}); err == nil {
		t.Error("the model was stored")
	}
	if _, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{"fresh": 1})}); err == nil {
		t.Error("an attribute of the model was registered")
	}
}

// An error travels in the headers that end a call, of which clients take 8 KiB by default in C++, Java and Python, and some MiB in Go, where more
// breaks the connection and with it all other calls.
func TestVeryManyMistakesFitAnError(t *testing.T) {
	h := start(t)
	m := model(t, plain)
	for i := range 300 {
		m.Scores[0].Criteria = append(m.Scores[0].Criteria, &echelonv1.Criterion{Name: fmt.Sprintf("criterion %d", i), Expr: "nothing_" + strings.Repeat("x", 200), Weight: 1,
			Normalize: &echelonv1.Normalize{Kind: &echelonv1.Normalize_Boolean_{Boolean: &echelonv1.Normalize_Boolean{}}}})
	}
	_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: m})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_MODEL_INVALID, []string{"scores[0].criteria[1].expr"}, []string{"mistakes", "ValidateModel"}}.check(t, err)
	if size := proto.Size(status.Convert(err).Proto()); size > 6<<10 {
		t.Errorf("the error has %d bytes, which are 4/3 of that in a header", size)
	}
	got, err := h.models.ValidateModel(h.context(), &echelonv1.ValidateModelRequest{Model: m})
	h.must(err)
	if n := len(got.GetFindings()); n < 300 {
		t.Errorf("validating tells %d findings", n)
	}
	h.serving()
}
