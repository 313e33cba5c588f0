package tabular_test

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// rule FILE-15, FILE-16
func TestAssignmentsAreWrittenInDeclaredOrder(t *testing.T) {
	model := &echelonv1.Model{
		Segmentations: []*echelonv1.Segmentation{{Name: "size"}, {Name: "area"}},
		Scores:        []*echelonv1.Score{{Name: "value"}, {Name: "fit"}},
		Tierings:      []*echelonv1.Tiering{{Name: "coverage"}, {Name: "persona"}},
	}
	var out bytes.Buffer
	w, err := tabular.NewAssignmentWriter(&out, "account id", model)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Write(&echelonv1.Assignment{
		CustomerId: `a,"b"`,
		Segments:   []*echelonv1.SegmentOutcome{{Segmentation: "size", Segment: proto.String("Mid, Market")}, {Segmentation: "area"}},
		Scores:     []*echelonv1.ScoreOutcome{{Score: "value", Value: proto.Float64(0.30000000000000004), Completeness: 1}, {Score: "fit", Completeness: 1.0 / 3}},
		Tiers:      []*echelonv1.TierOutcome{{Tiering: "coverage", Tier: proto.String("high-touch")}, {Tiering: "persona"}},
	}, "two; reasons")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "account id,segment.size,segment.area,score.value,completeness.value,score.fit,completeness.fit,tier.coverage,tier.persona,reason\n" +
		`"a,""b""","Mid, Market",,0.30000000000000004,1,,0.3333333333333333,high-touch,,two; reasons` + "\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestWhatAFileCannotHoldIsSaid(t *testing.T) {
	tags := &echelonv1.Attribute{Name: "tags", Type: echelonv1.Attribute_STRING_LIST}
	w, err := tabular.NewCustomerWriter(&bytes.Buffer{}, "id", []*echelonv1.Attribute{tags})
	if err != nil {
		t.Fatal(err)
	}
	list := func(items ...any) *echelonv1.Customer {
		made, err := structpb.NewStruct(map[string]any{"tags": items})
		if err != nil {
			t.Fatal(err)
		}
		return &echelonv1.Customer{Id: "a", Attributes: made}
	}
	if err := w.Write(list("x|y")); err == nil || !strings.Contains(err.Error(), `customer "a", tags: the item "x|y" has a "|"`) {
		t.Errorf("got %v", err)
	}
	for _, c := range []*echelonv1.Customer{list(), list(""), list("x"), {Id: "b"}} {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if w.Emptied() != 2 {
		t.Errorf("%d emptied", w.Emptied())
	}
	if _, err := tabular.NewCustomerWriter(&bytes.Buffer{}, "tags", []*echelonv1.Attribute{tags}); err == nil || !strings.Contains(err.Error(), "--id-column") {
		t.Errorf("got %v", err)
	}
}

func TestAColumnOfTwoAttributesIsWrittenOnce(t *testing.T) {
	var out bytes.Buffer
	w, err := tabular.NewCustomerWriter(&out, "id", []*echelonv1.Attribute{{Name: "a", Column: "A"}, {Name: "b", Column: "A"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil || out.String() != "id,A\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestRefusedRowsAreWrittenAsAFile(t *testing.T) {
	var out bytes.Buffer
	w, err := tabular.NewRefusalWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(tabular.Refusal{Line: 3, CustomerID: "b", Column: "ARR (USD)", Value: "1,5", Code: "WRONG_TYPE", Message: "no number"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "line,customer_id,column,value,code,message\n3,b,ARR (USD),\"1,5\",WRONG_TYPE,no number\n"; out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
