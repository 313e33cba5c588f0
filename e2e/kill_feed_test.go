package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// replica is what one knows who has nothing but the feed: the tiers of all customers.
type replica struct {
	testing.TB
	// last is the number of the last change, cursor that of the response that it came with, sum a hash of all changes up to it.
	last   int64
	cursor string
	sum    [sha256.Size]byte
	tiers  map[string]tiers
	// history are all changes of some customers.
	history map[string][]*echelonv1.AssignmentChange
	// received counts changes, publications those that a publication or a roll back made.
	received, publications atomic.Int64
}

// tiers are the tier in force and the one that is computed.
type tiers struct{ tier, computed string }

func newReplica(t testing.TB) *replica {
	return &replica{TB: t, tiers: make(map[string]tiers), history: make(map[string][]*echelonv1.AssignmentChange)}
}

// remembered tells whether the history of a customer is kept: of few, so that all of it can be compared.
func remembered(id string) bool { return writeOf(id)%250 == 7 }

// take takes the next change in, which must be the next, and begin where the one before ended.
func (r *replica) take(change *echelonv1.AssignmentChange) error {
	id := change.GetCustomerId()
	before, known := r.tiers[id]
	after := before
	switch {
	case change.GetSequence() != r.last+1:
		return fmt.Errorf("the change %d comes after the change %d", change.GetSequence(), r.last)
	case change.GetKind() == echelonv1.AssignmentChange_CREATED && known, change.GetKind() == echelonv1.AssignmentChange_MOVED && !known:
		return fmt.Errorf("the change %d of %s is %s, and it was known before: %v", r.last+1, id, change.GetKind(), known)
	case change.GetKind() == echelonv1.AssignmentChange_DELETED:
		return fmt.Errorf("the change %d deletes %s, which nobody did", r.last+1, id)
	}
	for _, move := range change.GetTiers() {
		if from := (tiers{move.GetFrom(), move.GetComputedFrom()}); from != before {
			return fmt.Errorf("the change %d of %s moves it from %+v, and it was in %+v", r.last+1, id, from, before)
		}
		after = tiers{move.GetTo(), move.GetComputedTo()}
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(change)
	if err != nil {
		return err
	}
	r.sum = sha256.Sum256(append(r.sum[:], data...))
	r.last++
	r.tiers[id] = after
	if remembered(id) {
		r.history[id] = append(r.history[id], change)
	}
	r.received.Add(1)
	switch change.GetOrigin() {
	case echelonv1.AssignmentChange_PUBLISHED, echelonv1.AssignmentChange_ROLLED_BACK:
		r.publications.Add(1)
	}
	return nil
}

// watch takes changes in until the stream ends.
func (r *replica) watch(ctx context.Context, c *client.Client, request *echelonv1.WatchAssignmentsRequest) error {
	for response, err := range c.WatchAssignments(ctx, request) {
		if err != nil {
			return err
		}
		for _, change := range response.GetChanges() {
			if err := r.take(change); err != nil {
				return err
			}
		}
		if response.GetSequence() != r.last {
			return fmt.Errorf("all changes up to %d are said to have come, and the last was %d", response.GetSequence(), r.last)
		}
		r.cursor = response.GetCursor()
	}
	return nil
}

// from asks for what follows the last change, by its number.
func (r *replica) from() *echelonv1.WatchAssignmentsRequest {
	return &echelonv1.WatchAssignmentsRequest{From: &echelonv1.WatchAssignmentsRequest_AfterSequence{AfterSequence: r.last}}
}

// follow watches until the connection ends, from the last change on, by its number or by the cursor that came with it.
func (r *replica) follow(ctx context.Context, c *client.Client, byCursor bool) {
	request := r.from()
	if byCursor && r.cursor != "" {
		request.From = &echelonv1.WatchAssignmentsRequest_Cursor{Cursor: r.cursor}
	}
	request.Follow = true
	killed(r, "a watch", r.watch(ctx, c, request))
}

// catchUp watches up to the last change that there is.
func (r *replica) catchUp(ctx context.Context, c *client.Client) {
	r.Helper()
	if err := r.watch(ctx, c, r.from()); err != nil {
		r.Fatal(err)
	}
}

// compare compares what the feed has told with all that is published: by one run, complete, and with all that is pinned.
func (r *replica) compare(ctx context.Context, c *client.Client, run string, pins map[string]pinned) {
	r.Helper()
	seen, upTo := 0, int64(-1)
	for a, err := range c.ExportAssignmentsFrom(ctx, "crash", func(sequence int64) { upTo = sequence }) {
		if err != nil {
			r.Fatal(err)
		}
		seen++
		id := a.GetCustomerId()
		if by := a.GetProvenance().GetRunId(); by != run {
			r.Fatalf("the assignment of %s is of the run %s, and %s is published", id, by, run)
		}
		now := tiersOf(a)
		if told, known := r.tiers[id]; !known || told != now {
			r.Fatalf("%s is in %+v, and the feed told %+v (%v)", id, now, told, known)
		}
		if pin := pins[id].tier; pin != "" && pin != now.tier || pin == "" && now.tier != now.computed {
			r.Fatalf("%s is in %+v, and pinned to %q", id, now, pin)
		}
		if a.GetStale() && id[0] == 'a' {
			r.Fatalf("the assignment of %s is stale, and every write of it assigned", id)
		}
	}
	if seen != len(r.tiers) || upTo != r.last {
		r.Fatalf("%d customers are assigned as of the change %d, and the feed told of %d up to the change %d", seen, upTo, len(r.tiers), r.last)
	}
}

func tiersOf(a *echelonv1.Assignment) tiers {
	tier := a.GetTiers()[0]
	if tier.ComputedTier != nil {
		return tiers{tier.GetTier(), tier.GetComputedTier()}
	}
	return tiers{tier.GetTier(), tier.GetTier()}
}

// compareSome compares the histories of some customers with what the feed told of them, and their assignments.
func (r *replica) compareSome(ctx context.Context, c *client.Client, random *rand.Rand) {
	r.Helper()
	ids := slices.Sorted(maps.Keys(r.history))
	for range 5 {
		id := ids[random.IntN(len(ids))]
		want := r.history[id]
		at := len(want)
		for change, err := range c.History(ctx, "crash", id) {
			if err != nil {
				r.Fatal(err)
			}
			if at--; at < 0 || !proto.Equal(change, want[at]) {
				r.Fatalf("the history of %s has %v, and the feed told %d changes", id, change, len(want))
			}
		}
		if at != 0 {
			r.Fatalf("the history of %s lacks %d of the %d changes that the feed told", id, at, len(want))
		}
		a, err := c.GetAssignment(ctx, "crash", id)
		if err != nil || tiersOf(a) != r.tiers[id] {
			r.Fatalf("%s is assigned %v, %v, and the feed told %+v", id, a, err, r.tiers[id])
		}
	}
}

// replay takes in the whole feed from its beginning, which must be what was watched across all crashes.
func (r *replica) replay(ctx context.Context, c *client.Client) {
	r.Helper()
	again := newReplica(r.TB)
	again.catchUp(ctx, c)
	if again.last != r.last || !bytes.Equal(again.sum[:], r.sum[:]) || !maps.Equal(again.tiers, r.tiers) {
		r.Fatalf("the feed has %d changes from its beginning on, with the sum %x; what was watched are %d with %x", again.last, again.sum[:4], r.last, r.sum[:4])
	}
}
