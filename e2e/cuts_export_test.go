package e2e

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// exportJobs is how many imports make the customers of this test, and exportFaultBytes how much goes through a connection before it breaks: some pages.
	exportJobs, exportFaultBytes = 4, 250_000
)

// throughCuts exports through the proxy what the server has, though it breaks connections, and ends and starts again. An export of which nothing came is
// begun again, as a person would.
func throughCuts[T proto.Message](b *breaking, export func(c *client.Client) iter.Seq2[T, error]) (all []T) {
	b.t.Helper()
	for {
		all = nil
		var failed error
		for item, err := range export(b.dial()) {
			if failed = err; err != nil {
				break
			}
			if all = append(all, item); len(all)%cutBatch == 0 {
				b.restartNowAndThen()
			}
		}
		if failed == nil {
			return all
		}
		if !client.IsInterrupted(failed) || len(all) > 0 {
			b.t.Fatalf("after %d items: %v", len(all), failed)
		}
	}
}

func same[T proto.Message](t *testing.T, what string, want, got []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d %s came, want %d", len(got), what, len(want))
	}
	for i := range want {
		if !proto.Equal(want[i], got[i]) {
			t.Fatalf("%s %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func whole[T any](t *testing.T, export iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for item, err := range export {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

// Exports that are cut, and whose server is ended, give each customer and each assignment once, in order; those of assignments stay in the publication that
// they began with.
func TestExportsSurviveCutsAndRestarts(t *testing.T) {
	ctx := soon(t, 30*time.Minute)
	b := newBreaking(t, exportFaultBytes)
	model, _, found := modelfile.Parse("crash.yaml", []byte(killModel))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	c := b.direct()
	if _, err := c.CreateModel(ctx, model); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ActivateModel(ctx, "crash", 0); err != nil {
		t.Fatal(err)
	}
	for job := range exportJobs {
		for _, err := range c.ImportCustomers(ctx, nil, each(jobRows, func(i int) *echelonv1.Customer { return cutCustomer(fmt.Sprint("j", job), i) })) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(ctx, t, c, &echelonv1.StartRunRequest{Model: "crash"})
	customers := whole(t, c.ExportCustomers(ctx))
	assignments := whole(t, c.ExportAssignments(ctx, "crash", ""))
	if len(customers) != exportJobs*(jobRows-refusedOf()) || len(assignments) != len(customers) {
		t.Fatalf("%d customers and %d assignments are stored", len(customers), len(assignments))
	}
	for begun := b.proxy.Faults(); b.proxy.Faults() < begun+cuts(t)/2; {
		same(t, "customers", customers, throughCuts(b, func(c *client.Client) iter.Seq2[*echelonv1.Customer, error] { return c.ExportCustomers(ctx) }))
		same(t, "assignments", assignments, throughCuts(b, func(c *client.Client) iter.Seq2[*echelonv1.Assignment, error] {
			return publishingAmid(ctx, b, c.ExportAssignments(ctx, "crash", ""), len(assignments)/2)
		}))
		assignments = whole(t, b.direct().ExportAssignments(ctx, "crash", "")) // of the run that was published amid
	}
	t.Logf("%d connections broke and the server was ended %d times", b.proxy.Faults(), b.restarts)
	b.server.stop()
}

// publishingAmid publishes another run once half of an export has come.
func publishingAmid[T any](ctx context.Context, b *breaking, export iter.Seq2[T, error], half int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		came := 0
		for item, err := range export {
			if came++; err == nil && came == half {
				publish(ctx, b.t, b.direct(), &echelonv1.StartRunRequest{Model: "crash"})
			}
			if !yield(item, err) {
				return
			}
		}
	}
}
