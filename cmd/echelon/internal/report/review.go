package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// KindName returns a reason as people write it, such as "top-demoted".
func KindName(kind echelonv1.ReviewReason_Kind) string {
	return strings.ReplaceAll(strings.ToLower(kind.String()), "_", "-")
}

// Review writes what people ought to look at, and how many items there are of each reason.
func Review(w io.Writer, list *echelonv1.ListReviewItemsResponse) error {
	if _, err := fmt.Fprintf(w, "%s\n", source(list.GetProvenance())); err != nil {
		return err
	}
	if list.GetBaseRunId() != "" {
		if _, err := fmt.Fprintf(w, "moves are from run %s\n", list.GetBaseRunId()); err != nil {
			return err
		}
	}
	var largest float64
	for _, c := range list.GetCounts() {
		largest = max(largest, c.GetAmount())
	}
	counts := newTable("lrr", "reason", "items", orDefault(list.GetAmount(), "amount"))
	for _, c := range list.GetCounts() {
		counts.add(KindName(c.GetKind()), Count(c.GetItems()), Amount(c.GetAmount(), largest))
	}
	if len(list.GetCounts()) > 0 {
		if err := counts.write(w); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(w, "\nitems %s\n", Count(list.GetTotal())); err != nil || len(list.GetItems()) == 0 {
		return err
	}
	return reviewTable(w, list)
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func reviewTable(w io.Writer, list *echelonv1.ListReviewItemsResponse) error {
	t := newTable("lrlllll", "customer", orDefault(list.GetAmount(), "amount"), "item", "before", "in force", "computed", "why")
	largest := list.GetItems()[0].GetAmount()
	for _, item := range list.GetItems() {
		t.add(item.GetCustomerId(), Amount(item.GetAmount(), largest), item.GetItem(), orNone(item.GetBefore()), orNone(item.GetInForce()),
			orNone(item.GetComputed()), reviewWords(item))
	}
	return t.write(w)
}

// reviewWords says why an item ought to be looked at and, where it was accepted, by whom and what was noted.
func reviewWords(item *echelonv1.ReviewItem) string {
	var words []string
	for _, r := range item.GetReasons() {
		words = append(words, r.GetMessage())
	}
	text := strings.Join(words, "; ")
	if a := item.GetAccepted(); a != nil {
		text += "; accepted by " + a.GetActor() + " at " + Moment(a.GetTime())
		if a.GetNote() != "" {
			text += ": " + a.GetNote()
		}
	}
	return text
}

// ReviewCSV writes what people ought to look at as CSV, one row an item.
func ReviewCSV(w io.Writer, list *echelonv1.ListReviewItemsResponse) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"customer_id", "amount", "item", "before", "in_force", "computed", "reasons", "message", "etag"}); err != nil {
		return err
	}
	for _, item := range list.GetItems() {
		var kinds []string
		for _, r := range item.GetReasons() {
			kinds = append(kinds, KindName(r.GetKind()))
		}
		err := out.Write([]string{
			SpreadsheetText(item.GetCustomerId()), strconv.FormatFloat(item.GetAmount(), 'f', -1, 64), item.GetItem(), SpreadsheetText(item.GetBefore()),
			SpreadsheetText(item.GetInForce()), SpreadsheetText(item.GetComputed()), strings.Join(kinds, " "), SpreadsheetText(reviewWords(item)), item.GetEtag(),
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Resolved writes what became of items of the queue.
func Resolved(w io.Writer, done []*echelonv1.ResolvedReviewItem) error {
	t := newTable("lll", "customer", "item", "decided")
	for _, item := range done {
		decided := "accepted by " + item.GetAccepted().GetActor()
		if w := item.GetWithdrawn(); w != nil {
			decided = "open again; " + w.GetActor() + " had accepted it at " + Moment(w.GetTime())
		}
		if o := item.GetOverride(); o != nil {
			decided = o.GetPinned() + " pinned by " + o.GetActor()
			if o.GetExpireTime() != nil {
				decided += " until " + Moment(o.GetExpireTime())
			}
		}
		t.add(item.GetCustomerId(), item.GetItem(), decided)
	}
	return t.write(w)
}
