package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func ExampleDial() {
	address, authority, token, stop := guideSite()
	defer stop()

	trusted, err := client.TLSFiles(authority, "", "")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.Dial(address, client.WithTLS(trusted), client.WithBearerToken(token))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	version, err := c.CreateModel(context.Background(), guideModel())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(version.GetName(), version.GetVersion())
	// Output: accounts 1
}

func ExampleClient_ScoreCustomer() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	customer, err := client.CustomerOf(guideAccount{ID: "hooli", ARR: usd(70_000), Seats: 40})
	if err != nil {
		log.Fatal(err)
	}
	assignment, err := c.ScoreCustomer(ctx, &echelonv1.ScoreCustomerRequest{
		Evaluator: client.StoredModel("accounts", 0), // the version that is published
		Customer:  &echelonv1.ScoreCustomerRequest_Given{Given: customer},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(assignment.GetTiers()[0].GetTier(), assignment.GetScores()[0].GetValue())
	for _, reason := range assignment.GetReasons() {
		fmt.Println(reason.GetMessage())
	}
	// Output:
	// high-touch 70
	// tiers.coverage: high-touch, score value at least 50
}

func ExampleClient_BatchScoreCustomers() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	request := &echelonv1.BatchScoreCustomersRequest{Evaluator: client.StoredModel("accounts", 0)}
	for _, account := range []guideAccount{{ID: "hooli", ARR: usd(70_000)}, {ID: ""}, {ID: "umbrella", ARR: usd(100)}} {
		customer, err := client.CustomerOf(account)
		if err != nil {
			log.Fatal(err)
		}
		request.Customers = append(request.Customers, customer)
	}
	scored, err := c.BatchScoreCustomers(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	for _, one := range scored { // in the order of the customers
		if one.Error != nil {
			fmt.Println("refused:", one.Error.Message)
			continue
		}
		fmt.Println(one.Assignment.GetCustomerId(), one.Assignment.GetTiers()[0].GetTier())
	}
	// Output:
	// hooli high-touch
	// refused: the customer is refused: the id is empty: give every customer one
	// umbrella tech-touch
}

func ExampleStructs() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	accounts := []guideAccount{{ID: "hooli", ARR: usd(70_000)}, {ID: "b\xe9b\xe9"}, {ID: "umbrella", Industry: "health"}}
	customers := client.Structs(slices.Values(accounts)) // or any other sequence, such as the rows of a query
	for progress, err := range c.ImportCustomers(ctx, &echelonv1.ImportHeader{}, customers) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(progress.Stored, "stored")
		for _, refused := range progress.Errors {
			fmt.Printf("row %d: %s\n", refused.GetIndex(), refused.GetMessage())
		}
	}
	// Output:
	// 2 stored
	// row 1: the id is no valid UTF-8: convert the input to UTF-8
}

func ExampleInto() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	customer, err := c.GetCustomer(ctx, "acme")
	if err != nil {
		log.Fatal(err)
	}
	var account guideAccount
	if err := client.Into(customer, &account); err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.ID, *account.ARR)
	// Output: acme 125000
}

func ExampleClient_PublishRun() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	run, err := c.StartRun(ctx, &echelonv1.StartRunRequest{Model: "accounts"})
	if err != nil {
		log.Fatal(err)
	}
	for progress, err := range c.WatchRun(ctx, run.GetId()) {
		if err != nil {
			log.Fatal(err)
		}
		run = progress.GetRun() // progress.RowsPerSecond and progress.Remaining tell how fast it goes
	}
	if run.GetState() != echelonv1.Run_READY {
		log.Fatal(run.GetFailure())
	}
	if run, err = c.PublishRun(ctx, run.GetId()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.GetState(), run.GetEvaluated(), "customers")
	// Output: PUBLISHED 3 customers
}

func ExampleClient_Assignments() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	for assignment, err := range c.Assignments(ctx, "accounts", "coverage", "high-touch") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.GetCustomerId(), assignment.GetScores()[0].GetValue())
	}
	// Output: acme 100
}

func ExampleClient_ExportAssignments() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	count := make(map[string]int)
	for assignment, err := range c.ExportAssignments(ctx, "accounts", "") { // of the published run
		if err != nil {
			log.Fatal(err)
		}
		count[assignment.GetTiers()[0].GetTier()]++
	}
	fmt.Println(count["high-touch"], "high,", count["tech-touch"], "tech,", count[""], "without a score")
	// Output: 1 high, 1 tech, 1 without a score
}

func ExampleClient_Backup() {
	c, stop := guide()
	defer stop()
	ctx := context.Background()

	var file bytes.Buffer // or a file, of a name that it gets when this has returned
	err := c.Backup(ctx, nil, &file)
	switch client.ReasonOf(err) {
	case echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED:
		fmt.Println(err == nil && file.Len() > 0)
	default:
		fmt.Println(err)
	}
	// Output: true
}
