package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// importRows stores one batch of customers and returns its answer.
func (h *harness) importRows(customers ...*echelonv1.Customer) *echelonv1.ImportedBatch {
	h.Helper()
	stream, err := h.customers.ImportCustomers(h.context())
	h.must(err)
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{}}}))
	batch := &echelonv1.CustomerBatch{Sequence: 1, Rows: &echelonv1.CustomerRows{Customers: customers}}
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: batch}}))
	h.must(stream.CloseSend())
	answers, err := collect(stream.Recv)
	h.must(err)
	return answers[1].GetBatch()
}

func child(id, parent string) *echelonv1.Customer {
	a := attrs{"arr": 1.0}
	if parent != "" {
		a["parent"] = parent
	}
	return customer(id, a)
}

func TestABatchTellsWhoseParentsAreOdd(t *testing.T) {
	h := start(t)
	h.create(kin)
	if got := h.importRows(child("a", ""), child("b", "nobody")).GetFamilies(); len(got) != 0 {
		t.Errorf("nothing is published, and the families are %v", got)
	}
	run := h.published("kin")
	h.create(strings.Replace(kin, "name: kin", "name: clan", 1))
	other := h.published("clan")
	counts := func(run *echelonv1.Run, parent, missing, own, cyclic int64) *echelonv1.WrittenFamilies {
		return &echelonv1.WrittenFamilies{Model: run.GetModel(), RunId: run.GetId(), Parent: "parent",
			WithParent: parent, MissingParents: missing, OwnParents: own, OnCycles: cyclic}
	}
	for _, c := range []struct {
		what      string
		customers []*echelonv1.Customer
		want      [4]int64
		says      string
	}{
		{"nobody with a parent", []*echelonv1.Customer{child("x", "")}, [4]int64{}, ""},
		{"parents that are stored, in the batch and before", []*echelonv1.Customer{child("c", "d"), child("d", "a")}, [4]int64{2, 0, 0, 0}, ""},
		{"a parent whose own is missing", []*echelonv1.Customer{child("e", "b")}, [4]int64{1, 0, 0, 0}, ""},
		{"one that is missing, and itself", []*echelonv1.Customer{child("f", "ghost"), child("g", "g"), child("h", "a")}, [4]int64{3, 1, 1, 0}, `"f" names "ghost"`},
		{"a cycle in the batch", []*echelonv1.Customer{child("i", "j"), child("j", "k"), child("k", "i"), child("l", "i")}, [4]int64{4, 0, 0, 3}, `"i" names "j"`},
		{"a cycle closed with whom was stored", []*echelonv1.Customer{child("a", "c")}, [4]int64{1, 0, 0, 1}, `"a" names "c"`},
		{"who hangs on a cycle", []*echelonv1.Customer{child("m", "j")}, [4]int64{1, 0, 0, 0}, ""},
		{"an id that nobody can have", []*echelonv1.Customer{child("n", strings.Repeat("n", 600))}, [4]int64{1, 1, 0, 0}, "name a parent"},
	} {
		got := h.importRows(c.customers...).GetFamilies()
		want := []*echelonv1.WrittenFamilies{counts(other, c.want[0], c.want[1], c.want[2], c.want[3]), counts(run, c.want[0], c.want[1], c.want[2], c.want[3])}
		var said []string
		for _, f := range got {
			for _, one := range f.GetFindings() {
				said = append(said, one.GetMessage())
			}
			f.Findings = nil
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
		if all := strings.Join(said, "\n"); (c.says == "") != (all == "") || !strings.Contains(all, c.says) {
			t.Errorf("%s: it says %q, want %q", c.what, all, c.says)
		}
	}
}

func TestSingleWritesTellWhoseFamiliesAreOfWhichRun(t *testing.T) {
	h := start(t)
	h.create(kin)
	h.upsert("a", attrs{"arr": 5})
	h.upsert("b", attrs{"arr": 7, "parent": "a"})
	first := h.published("kin")
	written, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("c", attrs{"arr": 100, "parent": "gone"}), Assign: true})
	h.must(err)
	got := written.GetFamilies()
	if len(got) != 1 || got[0].GetRunId() != first.GetId() || got[0].GetMissingParents() != 1 || len(got[0].GetFindings()) != 1 {
		t.Errorf("the write says of families %v", got)
	}
	if by := written.GetAssignments()[0].GetProvenance().GetRunId(); by != first.GetId() {
		t.Errorf("the assignment is of %s, and the families are of %s", by, first.GetId())
	}
	second := h.published("kin")
	deleted, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "a"})
	h.must(err)
	want := []*echelonv1.WrittenFamilies{{Model: "kin", RunId: second.GetId(), Parent: "parent"}}
	if diff := cmp.Diff(want, deleted.GetFamilies(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestParentsAreFoundByTheNameThatTheStoreHasForThemNow(t *testing.T) {
	h := start(t)
	h.create(kin)
	h.upsert("a", attrs{"arr": 5})
	h.published("kin")
	_, err := h.customers.RenameAttribute(h.context(), &echelonv1.RenameAttributeRequest{From: "parent", To: "belongs_to"})
	h.must(err)
	got := h.importRows(customer("b", attrs{"belongs_to": "a"}), customer("c", attrs{"belongs_to": "nobody"})).GetFamilies()
	if len(got) != 1 || got[0].GetWithParent() != 2 || got[0].GetMissingParents() != 1 {
		t.Errorf("the batch says of families %v", got)
	}
}

// A model that reads no families has nothing to say about them, even where it names a parent.
func TestAModelThatReadsNoFamiliesSaysNothingOfThem(t *testing.T) {
	h := start(t)
	h.create(`
name: quiet
parent: parent
attributes: [{name: arr, type: NUMBER}, {name: parent, type: STRING}]
segmentations: [{name: size, segments: [{name: large, when: arr > 5}], otherwise: small, unknown: none}]
`)
	h.upsert("a", attrs{"arr": 5})
	h.published("quiet")
	if got := h.importRows(child("b", "nobody")).GetFamilies(); len(got) != 0 {
		t.Errorf("it says %v", got)
	}
}
