package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// pinned is an override; one without a tier is none. Its etag is empty where it was not told.
type pinned struct{ tier, reason, etag string }

// pinner sets and deletes overrides, one by one by their etags and in batches, and knows what they are.
type pinner struct {
	testing.TB
	random *rand.Rand
	// now are the overrides that were acknowledged, by customer; asked are those that were asked for since, all in one commit.
	now, asked map[string]pinned
	// old is an etag that an override had, of a customer that has another one now.
	old  map[string]string
	next int
	// done counts calls and batches that were acknowledged, batches the batches alone.
	done    atomic.Int64
	batches int
	// cut counts those that were under way at a kill, and happened those of them that happened.
	cut, happened int
}

func newPinner(t testing.TB, random *rand.Rand) *pinner {
	return &pinner{TB: t, random: random, now: make(map[string]pinned), old: make(map[string]string)}
}

// draw draws a customer, one of a few that plain and assigning streams write, and an override for it.
func (p *pinner) draw() (id string, o pinned) {
	p.next++
	id = fmt.Sprintf("%c%06d", "ca"[p.random.IntN(2)], p.random.IntN(100))
	return id, pinned{tier: []string{"top", "rest"}[p.random.IntN(2)], reason: fmt.Sprint("reason ", p.next)}
}

func (p *pinner) override(id string, o pinned) *echelonv1.Override {
	return &echelonv1.Override{Model: "crash", CustomerId: id, Item: "coverage", Pinned: o.tier, Reason: o.reason}
}

// acknowledged notes that what was asked for happened.
func (p *pinner) acknowledged() {
	for id, o := range p.asked {
		if before := p.now[id].etag; before != "" {
			p.old[id] = before
		}
		if p.now[id] = o; o.tier == "" {
			delete(p.now, id)
		}
	}
	p.asked = nil
	p.done.Add(1)
}

// work sets and deletes overrides until the connection ends.
func (p *pinner) work(ctx context.Context, c *client.Client) {
	for {
		ask := p.set
		switch p.random.IntN(6) {
		case 0:
			ask = p.batch
		case 1:
			ask = p.delete
		case 2:
			ask = p.outdated
		}
		if killed(p, "an override", ask(ctx, c)) {
			return
		}
	}
}

// set sets an override in place of the one that is known, or of none, and only of that.
func (p *pinner) set(ctx context.Context, c *client.Client) error {
	id, o := p.draw()
	before, known := p.now[id]
	etag := &before.etag
	if known && before.etag == "" {
		etag = nil // it came with a batch, which does not tell it
	}
	p.asked = map[string]pinned{id: o}
	set, err := c.SetOverride(ctx, p.override(id, o), etag)
	if err != nil {
		return err
	}
	p.asked[id] = pinned{o.tier, o.reason, set.GetEtag()}
	p.acknowledged()
	return nil
}

// delete deletes an override, if there is one.
func (p *pinner) delete(ctx context.Context, c *client.Client) error {
	if len(p.now) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(p.now))
	id := ids[p.random.IntN(len(ids))]
	p.asked = map[string]pinned{id: {}}
	if err := c.DeleteOverride(ctx, "crash", id, "coverage", p.now[id].etag); err != nil {
		return err
	}
	p.acknowledged()
	return nil
}

// outdated tries to replace an override by the etag of an older one, which must not succeed.
func (p *pinner) outdated(ctx context.Context, c *client.Client) error {
	id, o := p.draw()
	etag := p.old[id]
	if etag == "" {
		return nil
	}
	switch _, err := c.SetOverride(ctx, p.override(id, o), &etag); {
	case client.ReasonOf(err) == echelonv1.ErrorReason_OVERRIDE_CHANGED:
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("the override of %s was replaced by the etag of one that is no more", id)
}

// batch sets some overrides in one batch.
func (p *pinner) batch(ctx context.Context, c *client.Client) error {
	p.asked = make(map[string]pinned)
	var overrides []*echelonv1.Override
	for range 2 + p.random.IntN(30) {
		id, o := p.draw()
		p.asked[id] = o // of two for one customer the later stands
		overrides = append(overrides, p.override(id, o))
	}
	stored := int64(0)
	for progress, err := range c.ImportOverrides(ctx, func(yield func(*echelonv1.Override, error) bool) {
		for _, o := range overrides {
			if !yield(o, nil) {
				return
			}
		}
	}) {
		if err != nil {
			if stored > 0 { // the stream broke behind the answer
				p.acknowledged()
			}
			return err
		}
		if stored = progress.Stored; stored != int64(len(overrides)) {
			return fmt.Errorf("%d of %d overrides were set: %v", stored, len(overrides), progress.Errors)
		}
	}
	p.acknowledged()
	p.batches++
	return nil
}

// check looks whether the overrides are those that were acknowledged and, all or none, those that were asked for.
func (p *pinner) check(ctx context.Context, c *client.Client) {
	p.Helper()
	found := make(map[string]pinned)
	for o, err := range c.Overrides(ctx, &echelonv1.ListOverridesRequest{Model: "crash"}) {
		if err != nil {
			p.Fatal(err)
		}
		if _, twice := found[o.GetCustomerId()]; twice {
			p.Fatalf("the override of %s is listed twice", o.GetCustomerId())
		}
		found[o.GetCustomerId()] = pinned{o.GetPinned(), o.GetReason(), o.GetEtag()}
	}
	happened := 0
	for id, o := range p.asked {
		if equal(found[id], o) {
			happened++
		}
	}
	if happened > 0 && happened < len(p.asked) {
		p.Fatalf("%d of %d overrides of one commit are there", happened, len(p.asked))
	}
	if len(p.asked) > 0 {
		p.cut++
	}
	if happened > 0 {
		p.happened++
		p.acknowledged()
	}
	p.asked = nil
	for id, want := range p.now {
		if !equal(found[id], want) {
			p.Fatalf("the override of %s is %+v, want %+v", id, found[id], want)
		}
		delete(found, id)
		read, err := c.GetOverride(ctx, "crash", id, "coverage")
		if err != nil || read.GetReason() != want.reason {
			p.Fatalf("the override of %s is read as %v, %v, want %+v", id, read, err, want)
		}
		p.now[id] = pinned{read.GetPinned(), read.GetReason(), read.GetEtag()}
	}
	if len(found) > 0 {
		p.Fatalf("there are overrides that nobody set, or that were deleted: %v", found)
	}
}

// equal compares two overrides by their etags, where both are known.
func equal(a, b pinned) bool {
	if a.etag == "" || b.etag == "" {
		a.etag, b.etag = "", ""
	}
	return a == b
}
