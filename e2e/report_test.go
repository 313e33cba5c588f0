package e2e

import (
	"fmt"
	"html"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// hostile is a customer whose id a careless page would run.
const hostile = `<script>document.title='run'</script>`

// figureOnPage is a number on the page, with what it says that it is, and what people see.
var figureOnPage = regexp.MustCompile(`data-figure="([^"]*)" data-value="([^"]*)"[^>]*>([^<]*)<`)

// reported starts a server with two runs of the resellers, an override between them, and returns it with the id of the second.
func reported(t *testing.T) (*process, string) {
	t.Helper()
	ctx := soon(t, 5*time.Minute)
	server := serve(t, "--data", t.TempDir())
	command := func(arguments ...string) {
		t.Helper()
		output(t, exec.CommandContext(ctx, binary, append(arguments, "--address", server.address)...))
	}
	command("model", "create", example+"model.yaml")
	command("model", "activate", "adventureworks")
	command("import", "--model", "adventureworks", "--input", example+"accounts.csv", "--id-column", "account_id")
	command("run", "start", "adventureworks", "--as-of", "2020-05-31", "--publish")
	c := server.dial()
	attributes := map[string]any{"name": "A & B <b>Bikes</b>", "annual_sales": 3e6, "revenue_12m": 9e5, "subcategories": 20.0, "last_order": "2020-06-01",
		"employees": 50.0, "gross_margin_12m": 9e4, "rep_id": "E272"}
	fields, err := structpb.NewStruct(attributes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpsertCustomer(ctx, &echelonv1.Customer{Id: hostile, Attributes: fields}); err != nil {
		t.Fatal(err)
	}
	command("override", "set", "adventureworks", hostile, "coverage", "low-touch", "--reason", "<img src=x> is no image")
	run, err := c.StartRun(ctx, &echelonv1.StartRunRequest{Model: "adventureworks"})
	if err == nil {
		run, err = c.WaitRun(ctx, run.GetId(), nil)
	}
	if err != nil || run.GetState() != echelonv1.Run_READY {
		t.Fatalf("%v, %v", run, err)
	}
	return server, run.GetId()
}

func TestTheReportOpensInABrowserWithTheNumbersOfTheAPI(t *testing.T) {
	server, run := reported(t)
	ctx := soon(t, 5*time.Minute)
	file := filepath.Join(t.TempDir(), "review.html")
	output(t, exec.CommandContext(ctx, binary, "run", "report", run, "--html", file, "--name", "name", "--owner", "rep_id", "--address", server.address))
	page := browse(t, file)
	if len(page.console) > 0 {
		t.Errorf("the browser is not content with the page:\n%s", strings.Join(page.console, "\n"))
	}
	for _, word := range []string{"<script", "<img", "<b>", "ZgotmplZ"} {
		if strings.Contains(page.dom, word) {
			t.Errorf("the page has %s", word)
		}
	}
	if !strings.Contains(page.dom, "&lt;script&gt;document.title='run'&lt;/script&gt;") || !strings.Contains(page.dom, "</footer>") {
		t.Error("the page does not show the customer by its id, or does not go on to its end")
	}
	figures := map[string]float64{}
	for _, found := range figureOnPage.FindAllStringSubmatch(page.dom, -1) {
		figures[html.UnescapeString(found[1])] = seen(t, found[1], found[2], found[3])
	}
	want := expected(t, server.dial(), run)
	for name, value := range want {
		if got, ok := figures[name]; !ok || got != value {
			t.Errorf("%s is %v on the page (%v), and %v by the API", name, got, ok, value)
		}
	}
	if len(want) < 50 {
		t.Errorf("only %d figures were compared", len(want))
	}
}

// seen checks that what people see of a figure is the figure, and returns it.
func seen(t *testing.T, name, value, text string) float64 {
	t.Helper()
	exact, err := strconv.ParseFloat(value, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, text)
	shown, err := strconv.ParseFloat(digits, 64)
	slack := 0.5 // amounts are rounded
	if exact == math.Trunc(exact) {
		slack = 0
	} else if name == "gini" {
		slack = 0.005
	}
	if err != nil || math.Abs(shown-exact) > slack {
		t.Errorf("%s is %s, and people see %q", name, value, text)
	}
	return exact
}

// expected returns figures by the API.
func expected(t *testing.T, c *client.Client, id string) map[string]float64 {
	t.Helper()
	ctx := soon(t, 2*time.Minute)
	run, err := c.GetRun(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	balance := run.GetSummary().GetBalance()
	want := map[string]float64{
		"balance/customers": float64(balance.GetCustomers()), "balance/tiered": float64(balance.GetTiered()), "balance/unscored": float64(balance.GetUnscored()),
		"balance/excluded": float64(balance.GetExcluded()), "balance/refused": float64(balance.GetRefused()), "balance/amount": balance.GetAmountIn(),
	}
	for _, table := range run.GetSummary().GetTierings() {
		for _, tier := range table.GetTiers() {
			want[fmt.Sprintf("tier/%s/%s/customers", table.GetTiering(), tier.GetTier())] = float64(tier.GetCustomers())
			want[fmt.Sprintf("tier/%s/%s/amount", table.GetTiering(), tier.GetTier())] = tier.GetAmount()
		}
		for _, hold := range table.GetHolds() {
			want[fmt.Sprintf("hold/%s/%s", table.GetTiering(), hold.GetHold())] = float64(hold.GetCustomers())
		}
	}
	preview, err := c.PreviewRun(ctx, &echelonv1.PreviewRunRequest{
		To: &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: id}}, From: &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: run.GetBaseRunId()}}, GroupBy: "rep_id",
	})
	if err != nil {
		t.Fatal(err)
	}
	moves := preview.GetMigration()
	want["moves/stayed"], want["moves/promoted"], want["moves/demoted"] = float64(moves.GetStayed()), float64(moves.GetPromoted()), float64(moves.GetDemoted())
	for _, cell := range moves.GetCells() {
		if cell.GetFrom().GetKind() == echelonv1.MigrationPlace_TIER && cell.GetTo().GetKind() == echelonv1.MigrationPlace_TIER {
			want[fmt.Sprintf("migration/%s/%s", cell.GetFrom().GetTier(), cell.GetTo().GetTier())] = float64(cell.GetCustomers())
		}
	}
	for _, cause := range preview.GetCauses() {
		want["cause/"+cause.GetCause().String()] = float64(cause.GetCustomers())
	}
	for _, group := range preview.GetGroups() {
		want["owner/"+group.GetGroup()] = float64(group.GetCustomers())
	}
	for i, mover := range preview.GetDemotions() {
		want[fmt.Sprintf("demotion/%d/%s", i, mover.GetCustomerId())] = mover.GetAmount()
	}
	items, err := c.ListReviewItems(ctx, &echelonv1.ListReviewItemsRequest{Model: run.GetModel(), RunId: id})
	if err != nil {
		t.Fatal(err)
	}
	want["review"] = float64(items.GetTotal())
	for _, kind := range items.GetCounts() {
		want["review/"+kind.GetKind().String()] = float64(kind.GetItems())
	}
	want["overrides"] = 1
	return want
}

func TestABrowserTellsOfAPageThatIsNotAsTheReportIs(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`
	for name, page := range map[string]string{
		"a script that fails":                    `<body><script>nothing.there()</script>`,
		"an image from elsewhere, by our policy": policy + `<body><img src="` + elsewhere.URL + `/a.png">`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "page.html")
			if err := os.WriteFile(file, []byte("<!DOCTYPE html><title>page</title>"+page), 0o600); err != nil {
				t.Fatal(err)
			}
			if found := browse(t, file); len(found.console) == 0 {
				t.Error("the browser has nothing to say")
			}
		})
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d calls went out, in spite of the policy", n)
	}
}
