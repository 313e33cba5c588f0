package report

import (
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Customer writes a stored customer's attributes.
func Customer(w io.Writer, customer *echelonv1.Customer) error {
	t := newTable("ll", "customer", customer.GetId())
	if customer.GetUpdateTime() != nil {
		t.add("written", Moment(customer.GetUpdateTime()))
	}
	fields := customer.GetAttributes().GetFields()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		t.add(name, attributeText(fields[name]))
	}
	return t.write(w)
}

// attributeText writes an attribute's value as people write it.
func attributeText(v *structpb.Value) string {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return frame.FormatNumber(kind.NumberValue)
	case *structpb.Value_StringValue:
		return kind.StringValue
	case *structpb.Value_BoolValue:
		if kind.BoolValue {
			return "true"
		}
		return "false"
	case *structpb.Value_ListValue:
		items := make([]string, len(kind.ListValue.GetValues()))
		for i, item := range kind.ListValue.GetValues() {
			items[i] = item.GetStringValue()
		}
		return strings.Join(items, " | ")
	}
	return none
}

// Assignments writes a list of assignments of one model: a line a customer, a column for each of its segments, scores and tiers.
func Assignments(w io.Writer, list []*echelonv1.Assignment) error {
	if len(list) == 0 {
		return newTable("l", "no customers").write(w)
	}
	align, header := "l", []string{"customer"}
	column := func(letter, name string) {
		align += letter
		header = append(header, name)
	}
	first := list[0]
	for _, s := range first.GetSegments() {
		column("l", "segment "+s.GetSegmentation())
	}
	for _, s := range first.GetScores() {
		column("r", "score "+s.GetScore())
	}
	for _, tier := range first.GetTiers() {
		column("l", "tier "+tier.GetTiering())
	}
	column("l", "")
	t := newTable(align, header...)
	for _, a := range list {
		row := []string{a.GetCustomerId()}
		for _, s := range a.GetSegments() {
			row = append(row, orNone(s.GetSegment()))
		}
		for _, s := range a.GetScores() {
			row = append(row, points(s.Value))
		}
		for _, tier := range a.GetTiers() {
			row = append(row, orNone(tier.GetTier()))
		}
		stale := ""
		if a.GetStale() {
			stale = "stale"
		}
		t.add(append(row, stale)...)
	}
	return t.write(w)
}
