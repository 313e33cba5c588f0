package report

import (
	"strings"
	"testing"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestTheQueueForASpreadsheetHasNoFormulas(t *testing.T) {
	rep := "@SUM(A1)"
	var out strings.Builder
	err := ReviewCSV(&out, &echelonv1.ListReviewItemsResponse{Items: []*echelonv1.ReviewItem{{
		CustomerId: "=1+1", Amount: -5, Item: "reps.csm", InForce: &rep, Computed: &rep, Before: &rep, Etag: "e",
		Reasons: []*echelonv1.ReviewReason{{Kind: echelonv1.ReviewReason_OVERRIDE_EXPIRING, Message: rep + ", pinned by ann, ends soon"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	want := "customer_id,amount,item,before,in_force,computed,reasons,message,etag\n" +
		`'=1+1,-5,reps.csm,'@SUM(A1),'@SUM(A1),'@SUM(A1),override-expiring,"'@SUM(A1), pinned by ann, ends soon",e` + "\n"
	if out.String() != want {
		t.Errorf("the CSV is\n%s, want\n%s", out.String(), want)
	}
}
