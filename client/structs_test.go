package client_test

import (
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

type industry string

type size struct {
	Employees int32    `echelon:"employees"`
	Seats     *uint16  `echelon:"seats"`
	Usage     *float32 `echelon:"usage"`
}

// account has a field of every kind that a customer can have.
type account struct {
	Key  string     `echelon:",id"`
	size            // its fields are the account's
	Note string     // without a tag
	ARR  float64    `echelon:"arr"`
	Debt int64      `echelon:"debt,omitzero"`
	Kind industry   `echelon:"industry,omitzero"`
	Gold *bool      `echelon:"gold"`
	Tags []industry `echelon:"tags"`
	Day  time.Time  `echelon:"renewal,date"`
	Seen *time.Time `echelon:"seen"`
	Skip complex128 `echelon:"-"`
}

func of(fields map[string]any) *echelonv1.Customer {
	attributes, err := structpb.NewStruct(fields)
	if err != nil {
		panic(err)
	}
	return &echelonv1.Customer{Id: "acme", Attributes: attributes}
}

func TestAStructIsACustomerByItsTags(t *testing.T) {
	seats, usage, gold := uint16(12), float32(0.5), false
	berlin := time.FixedZone("UTC+2", 2*60*60)
	seen := time.Date(2026, 1, 31, 1, 30, 0, 250_000, berlin)
	for _, test := range []struct {
		name string
		from account
		want *echelonv1.Customer
	}{
		{"zero is a value, and what cannot be one is missing", account{Key: "acme"}, of(map[string]any{"employees": 0, "arr": 0})},
		{
			"every kind",
			account{
				Key: "acme", size: size{7, &seats, &usage}, Note: "x", ARR: 1.5, Debt: -1 << 53, Kind: "retail", Gold: &gold,
				Tags: []industry{"a", ""}, Day: time.Date(2026, 1, 31, 23, 59, 0, 1, berlin), Seen: &seen, Skip: 1,
			},
			of(map[string]any{
				"employees": 7, "seats": 12, "usage": 0.5, "arr": 1.5, "debt": -1 << 53, "industry": "retail", "gold": false,
				"tags": []any{"a", ""}, "renewal": "2026-01-31", "seen": "2026-01-30T23:30:00.00025Z",
			}),
		},
		{"an empty list is a list", account{Key: "acme", Tags: []industry{}}, of(map[string]any{"employees": 0, "arr": 0, "tags": []any{}})},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, from := range []any{test.from, &test.from} {
				got, err := client.CustomerOf(from)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestAStructComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawAccount(t)
		customer, err := client.CustomerOf(want)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(customer)
		if err != nil {
			t.Fatal(err)
		}
		arrived := &echelonv1.Customer{}
		if err := proto.Unmarshal(wire, arrived); err != nil {
			t.Fatal(err)
		}
		got := account{Note: want.Note, Skip: 3, Debt: 5, Tags: []industry{"old"}}
		if err := client.Into(arrived, &got); err != nil {
			t.Fatal(err)
		}
		want.Skip = 3
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(account{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func drawAccount(t *rapid.T) account {
	finite := rapid.Float64().Filter(func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) })
	finite32 := rapid.Float32().Filter(func(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) })
	first := time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(first.UnixMicro(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()).Draw(t, "micros")).UTC()
	})
	day := time.Time{}
	if rapid.Bool().Draw(t, "has a day") {
		day = instant.Draw(t, "day").Truncate(24 * time.Hour)
	}
	list := rapid.SliceOfN(rapid.Map(rapid.String(), func(s string) industry { return industry(s) }), 0, 3).Draw(t, "tags")
	if rapid.Bool().Draw(t, "no tags") {
		list = nil
	}
	return account{
		Key: rapid.String().Draw(t, "id"), Note: rapid.String().Draw(t, "note"), ARR: finite.Draw(t, "arr"),
		size: size{rapid.Int32().Draw(t, "employees"), rapid.Ptr(rapid.Uint16(), true).Draw(t, "seats"), rapid.Ptr(finite32, true).Draw(t, "usage")},
		Debt: rapid.Int64Range(-1<<53, 1<<53).Draw(t, "debt"), Kind: industry(rapid.String().Draw(t, "industry")),
		Gold: rapid.Ptr(rapid.Bool(), true).Draw(t, "gold"), Tags: list, Day: day, Seen: rapid.Ptr(instant, true).Draw(t, "seen"),
	}
}

func TestAnIntegerIsAnIDToTheLastBit(t *testing.T) {
	type row struct {
		ID uint64 `echelon:",id"`
	}
	customer, err := client.CustomerOf(row{math.MaxUint64})
	if err != nil || customer.GetId() != "18446744073709551615" {
		t.Fatalf("the id is %q, error %v", customer.GetId(), err)
	}
	var back row
	if err := client.Into(customer, &back); err != nil || back.ID != math.MaxUint64 {
		t.Errorf("%d came back, error %v", back.ID, err)
	}
}

// values has fields whose types can hold what no customer can have.
type values struct {
	ID    string    `echelon:",id"`
	Float float64   `echelon:"float"`
	Int   int64     `echelon:"int"`
	Uint  uint64    `echelon:"uint"`
	Text  string    `echelon:"text"`
	List  []string  `echelon:"list"`
	Day   time.Time `echelon:"day,date"`
	Time  time.Time `echelon:"time"`
}

var unfit = []struct {
	name  string
	value values
	field string
	code  echelonv1.RowError_Code
	words string
}{
	{"no number", values{Float: math.NaN()}, "float", echelonv1.RowError_OUT_OF_RANGE, "NaN is no finite number"},
	{"an infinite number", values{Float: math.Inf(-1)}, "float", echelonv1.RowError_OUT_OF_RANGE, "-Inf is no finite number"},
	{"an integer beyond 2^53", values{Int: 1<<53 + 1}, "int", echelonv1.RowError_OUT_OF_RANGE, "9007199254740993 lies beyond 2^53"},
	{"an integer below -2^53", values{Int: -1<<53 - 1}, "int", echelonv1.RowError_OUT_OF_RANGE, "lies beyond 2^53"},
	{"an unsigned integer beyond 2^53", values{Uint: math.MaxUint64}, "uint", echelonv1.RowError_OUT_OF_RANGE, "lies beyond 2^53"},
	{"a text in another encoding", values{Text: "Z\xfcrich"}, "text", echelonv1.RowError_INVALID_UTF8, "no valid UTF-8"},
	{"a text of a list in another encoding", values{List: []string{"ok", "\xff"}}, "list", echelonv1.RowError_INVALID_UTF8, "no valid UTF-8"},
	{"an id in another encoding", values{ID: "\xfc"}, "", echelonv1.RowError_INVALID_UTF8, "the id is no valid UTF-8"},
	{"a day after the year 9999", values{Day: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "day", echelonv1.RowError_OUT_OF_RANGE, "outside 0001-01-01"},
	{"an instant before the year 1", values{Time: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, "time", echelonv1.RowError_OUT_OF_RANGE, "outside the years"},
	{"an instant of nanoseconds", values{Time: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC)}, "time", echelonv1.RowError_WRONG_TYPE, "Truncate(time.Microsecond)"},
}

func TestAValueThatNoCustomerCanHaveIsRefusedByName(t *testing.T) {
	for _, test := range unfit {
		t.Run(test.name, func(t *testing.T) {
			customer, err := client.CustomerOf(test.value)
			var e *client.Error
			if customer != nil || !errors.As(err, &e) || e.Reason != echelonv1.ErrorReason_CUSTOMER_INVALID || e.Code != codes.InvalidArgument {
				t.Fatalf("customer %v, error %v", customer, err)
			}
			field := "id"
			if test.field != "" {
				field = "attributes." + test.field
			}
			if len(e.Violations) != 1 || e.Violations[0].Field != field || !strings.Contains(err.Error(), test.words) {
				t.Errorf("%v with %v does not say %q of %s", err, e.Violations, test.words, field)
			}
		})
	}
}

func TestAStructThatIsRefusedIsOneRowOfAStream(t *testing.T) {
	t.Cleanup(func() { checkNoGoroutines(t) })
	type gold struct {
		ID    string  `echelon:",id"`
		Tier  string  `echelon:"tier"`
		Value float64 `echelon:"value"`
	}
	rows := []gold{{"a", "Gold", math.NaN()}, {"b", "Gold", 1}, {"c", "Silver", 2}, {"d", "\xff", 3}, {"e", "Gold", math.Inf(1)}}
	for _, batch := range []int{1, 2, 100} {
		c, stop := serve(&fake{bulkAssign: honest}, client.WithBatchRows(batch))
		customers := client.Structs(slices.Values(rows))
		for range 2 { // a sequence can be ranged over again
			outcomes, err := collect(t, c.BulkAssign(t.Context(), header, customers))
			if err != nil || len(outcomes) != len(rows) {
				t.Fatalf("%d outcomes, error %v", len(outcomes), err)
			}
			for i, outcome := range outcomes {
				refused := i == 0 || i >= 3
				if outcome.Index != int64(i) || (outcome.Error != nil) != refused || refused && outcome.Error.GetIndex() != int64(i) {
					t.Errorf("batches of %d: outcome %d is %+v", batch, i, outcome)
				}
			}
			if got := outcomes[0].Error; got.GetCustomerId() != "a" || got.GetField() != "value" || !strings.HasPrefix(got.GetMessage(), "value: NaN") {
				t.Errorf("the first row is refused with %v", got)
			}
		}
		stop()
	}
}

func TestStructsThatCanNeverBeTakenEndTheSequenceAtOnce(t *testing.T) {
	type anonymous struct {
		ARR float64 `echelon:"arr"`
	}
	taken := 0
	var rows iter.Seq[anonymous] = func(yield func(anonymous) bool) {
		for taken < 10 && yield(anonymous{}) {
			taken++
		}
	}
	customers, err := collect(t, client.Structs(rows))
	if err == nil || !strings.Contains(err.Error(), "has no id") || len(customers) != 0 || taken != 0 {
		t.Errorf("%d customers of %d rows, error %v", len(customers), taken, err)
	}
}

func TestAStructThatIsNoCustomerIsNamedByFieldAndType(t *testing.T) {
	type pointed struct {
		ID  string `echelon:",id"`
		ARR int    `echelon:"arr"`
	}
	type id = struct{ id string }
	for _, test := range []struct {
		name string
		from any
		want []string
	}{
		{"a type that no attribute has", struct {
			ID   string         `echelon:",id"`
			Root complex128     `echelon:"root"`
			Sub  map[string]int `echelon:"sub"`
		}{}, []string{"Root (complex128): an attribute is", "Sub (map[string]int): an attribute is"}},
		{"a span of time", struct {
			ID   string        `echelon:",id"`
			Span time.Duration `echelon:"span"`
		}{}, []string{"Span (time.Duration): an attribute has no unit of time: give the number of days"}},
		{"no id", struct {
			ARR int `echelon:"arr"`
		}{}, []string{"has no id: tag the field"}},
		{"two ids", struct {
			A string `echelon:",id"`
			B string `echelon:",id"`
		}{}, []string{"B (string): the id is A already"}},
		{"an id of a number with a fraction", struct {
			ID float64 `echelon:",id"`
		}{}, []string{"ID (float64): an id is a string or an integer"}},
		{"an id with a name", struct {
			ID string `echelon:"key,id"`
		}{}, []string{"ID (string): an id has neither a name"}},
		{"a name that no attribute has", struct {
			ID  string `echelon:",id"`
			ARR int    `echelon:"ARR"`
		}{}, []string{`ARR (int): "ARR" is no attribute's name`}},
		{"no name", struct {
			ID  string `echelon:",id"`
			ARR int    `echelon:",omitzero"`
		}{}, []string{`"" is no attribute's name`}},
		{"one name twice", struct {
			ID string `echelon:",id"`
			A  int    `echelon:"x"`
			B  int    `echelon:"x"`
		}{}, []string{`B (int): the attribute "x" is that of A already`}},
		{"an unknown option", struct {
			ID string `echelon:",id"`
			A  int    `echelon:"x,omitempty"`
		}{}, []string{`unknown option "omitempty": there are id, date and omitzero`}},
		{"a date that is no time", struct {
			ID string `echelon:",id"`
			A  string `echelon:"x,date"`
		}{}, []string{"the option date is for a time.Time"}},
		{"a pointer that is missing twice", struct {
			ID string `echelon:",id"`
			A  *int   `echelon:"x,omitzero"`
		}{}, []string{"a nil pointer is missing already"}},
		{"a pointer to a list", struct {
			ID string    `echelon:",id"`
			A  *[]string `echelon:"x"`
		}{}, []string{"A (*[]string)"}},
		{"a pointer to a pointer", struct {
			ID string `echelon:",id"`
			A  **int  `echelon:"x"`
		}{}, []string{"A (**int)"}},
		{"a field that nobody can read", struct {
			ID string `echelon:",id"`
			a  int    `echelon:"x"`
		}{}, []string{"a (int): it is not exported"}},
		{"an embedded pointer", struct {
			*pointed
		}{}, []string{"pointed (*client_test.pointed): embed the struct itself"}},
		{"no struct", 7, []string{"a customer is made of a struct, not of int"}},
		{"nothing", nil, []string{"not of <nil>"}},
		{"a nil pointer", (*pointed)(nil), []string{"a nil *client_test.pointed"}},
		{"a struct without tags", id{}, []string{"has no id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // what is known of a type is kept
				customer, err := client.CustomerOf(test.from)
				if err == nil || customer != nil {
					t.Fatalf("it became %v, error %v", customer, err)
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v does not say %q", err, want)
					}
				}
			}
		})
	}
}

func TestACustomerThatDoesNotFitAStructIsNamedAndLeavesItAsItWas(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields map[string]any
		want   string
	}{
		{"a missing attribute", map[string]any{"employees": 1}, "arr into ARR: it is missing, and the field cannot say so"},
		{"a null", map[string]any{"employees": nil, "arr": 1}, "employees into size.Employees: it is missing"},
		{"a number that is too large", map[string]any{"employees": 1 << 40, "arr": 1}, "1099511627776 is no int32"},
		{"a fraction", map[string]any{"employees": 1.5, "arr": 1}, "1.5 is no whole number"},
		{"a negative number", map[string]any{"employees": 1, "arr": 1, "seats": -1}, "-1 is no uint16"},
		{"a number beyond a float32", map[string]any{"employees": 1, "arr": 1, "usage": 1e300}, "1e+300 is no float32"},
		{"a text for a number", map[string]any{"employees": "1", "arr": 1}, "the attribute is no number"},
		{"a number for a text", map[string]any{"employees": 1, "arr": 1, "industry": 3}, "the attribute is no text"},
		{"a text for true or false", map[string]any{"employees": 1, "arr": 1, "gold": "yes"}, "neither true nor false"},
		{"a text for a list", map[string]any{"employees": 1, "arr": 1, "tags": "a"}, "the attribute is no list"},
		{"a number in a list", map[string]any{"employees": 1, "arr": 1, "tags": []any{"a", 1}}, "item 1: the attribute is no text"},
		{"no date", map[string]any{"employees": 1, "arr": 1, "renewal": "31.01.2026"}, `"31.01.2026" is no date`},
		{"no timestamp", map[string]any{"employees": 1, "arr": 1, "seen": "2026-01-31"}, `"2026-01-31" is no timestamp`},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := account{Key: "before", ARR: 4}
			got := before
			err := client.Into(of(test.fields), &got)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `customer "acme"`) {
				t.Errorf("%v does not say %q", err, test.want)
			}
			if diff := cmp.Diff(before, got, cmp.AllowUnexported(account{})); diff != "" {
				t.Errorf("the struct was changed: %s", diff)
			}
		})
	}
	var numbered struct {
		ID int8 `echelon:",id"`
	}
	for _, id := range []string{"x", "200", "+1", "007", ""} {
		if err := client.Into(&echelonv1.Customer{Id: id}, &numbered); err == nil || !strings.Contains(err.Error(), "is no int8") {
			t.Errorf("the id %q: error %v", id, err)
		}
	}
	for _, into := range []any{nil, account{}, (*account)(nil), new(int)} {
		if err := client.Into(of(nil), into); err == nil || !strings.Contains(err.Error(), "a pointer to a struct") {
			t.Errorf("into %T: error %v", into, err)
		}
	}
}

func TestTheAttributesOfAStructAreThoseOfItsCustomers(t *testing.T) {
	got, err := client.AttributesOf[account]()
	if err != nil {
		t.Fatal(err)
	}
	want := []*echelonv1.Attribute{
		{Name: "employees", Type: echelonv1.Attribute_INTEGER}, {Name: "seats", Type: echelonv1.Attribute_INTEGER},
		{Name: "usage", Type: echelonv1.Attribute_NUMBER}, {Name: "arr", Type: echelonv1.Attribute_NUMBER},
		{Name: "debt", Type: echelonv1.Attribute_INTEGER}, {Name: "industry", Type: echelonv1.Attribute_STRING},
		{Name: "gold", Type: echelonv1.Attribute_BOOLEAN}, {Name: "tags", Type: echelonv1.Attribute_STRING_LIST},
		{Name: "renewal", Type: echelonv1.Attribute_DATE}, {Name: "seen", Type: echelonv1.Attribute_TIMESTAMP},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if _, err := client.AttributesOf[*account](); err == nil {
		t.Error("a pointer has attributes")
	}
}
