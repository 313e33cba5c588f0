package tabular_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// framed returns customers as a file of such attributes takes them.
func framed(t interface{ Fatal(...any) }, attributes []*echelonv1.Attribute, customers ...*echelonv1.Customer) *frame.Frame {
	b := frame.NewBuilder(tabular.CustomerSchema(attributes))
	for _, c := range customers {
		if wrong := b.AddCustomer(c, true); wrong != nil {
			t.Fatal(wrong)
		}
	}
	return b.Take()
}

// rule FILE-15, FILE-16
func TestOutcomesAreWrittenInDeclaredOrder(t *testing.T) {
	field := func(name string, of echelonv1.Attribute_Type) frame.Field { return frame.Field{Name: name, Type: of} }
	schema := frame.NewSchema(
		field("segment.size", echelonv1.Attribute_STRING), field("segment.area", echelonv1.Attribute_STRING),
		field("score.value", echelonv1.Attribute_NUMBER), field("completeness.value", echelonv1.Attribute_NUMBER),
		field("score.fit", echelonv1.Attribute_NUMBER), field("completeness.fit", echelonv1.Attribute_NUMBER),
		field("tier.coverage", echelonv1.Attribute_STRING), field("since.coverage", echelonv1.Attribute_DATE), field("promotions.coverage", echelonv1.Attribute_INTEGER),
		field("excluded", echelonv1.Attribute_BOOLEAN), field("reasons", echelonv1.Attribute_STRING_LIST),
	)
	var out bytes.Buffer
	w, err := tabular.NewOutcomeWriter(&out, schema, "account id")
	if err != nil {
		t.Fatal(err)
	}
	for _, taken := range []string{"tier.coverage", "reason"} {
		if _, err := tabular.NewOutcomeWriter(&bytes.Buffer{}, schema, taken); err == nil || !strings.Contains(err.Error(), "--id-column") {
			t.Errorf("ids in the column %s: %v", taken, err)
		}
	}
	b := frame.NewBuilder(schema)
	b.Start(`a,"b"`)
	b.SetString(0, "Mid, Market")
	b.SetNumber(2, 0.30000000000000004)
	b.SetNumber(3, 1)
	b.SetNumber(5, 1.0/3)
	b.SetString(6, "high-touch")
	b.SetInt(7, 0)
	b.SetNumber(8, 2)
	b.SetBool(9, false)
	b.SetList(10, []string{"two", "reasons"})
	if wrong := b.Commit(); wrong != nil {
		t.Fatal(wrong)
	}
	b.Start("b")
	b.SetBool(9, true)
	b.SetList(10, nil)
	if wrong := b.Commit(); wrong != nil {
		t.Fatal(wrong)
	}
	if err := errors.Join(w.Write(b.Take()), w.Flush()); err != nil {
		t.Fatal(err)
	}
	want := "account id,segment.size,segment.area,score.value,completeness.value,score.fit,completeness.fit,tier.coverage,since.coverage,promotions.coverage,reason\n" +
		`"a,""b""","Mid, Market",,0.30000000000000004,1,,0.3333333333333333,high-touch,1970-01-01,2,two; reasons` + "\nb,,,,,,,,,,\n"
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
	if err := w.Write(framed(t, []*echelonv1.Attribute{tags}, list("x|y"))); err == nil || !strings.Contains(err.Error(), `customer "a", tags: the item "x|y" has a "|"`) {
		t.Errorf("got %v", err)
	}
	for _, c := range []*echelonv1.Customer{list(), list(""), list("x"), {Id: "b"}} {
		if err := w.Write(framed(t, []*echelonv1.Attribute{tags}, c)); err != nil {
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
