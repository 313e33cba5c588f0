package limit_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/internal/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	all   = limit.Account{Name: "all", Limit: 10}
	small = limit.Account{Name: "small", Limit: 4}
)

func TestAPoolLendsUpToItsLimit(t *testing.T) {
	p := limit.NewPool()
	first, err := p.Try(6, all)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Try(4, all, small); err != nil {
		t.Fatal(err)
	}
	var full *limit.FullError
	if _, err := p.Try(1, small, all); !errors.As(err, &full) || full.Account != small {
		t.Fatalf("the small account lends 5 of 4: %v", err)
	}
	if p.Used("all") != 10 || p.Used("small") != 4 {
		t.Errorf("a refusal took something: %d, %d", p.Used("all"), p.Used("small"))
	}
	first()
	first()
	if n := p.Used("all"); n != 4 {
		t.Errorf("after giving back twice %d are in use, want 4", n)
	}
}

// What is larger than an account goes alone, or it would never go.
func TestWhatIsLargerThanAnAccountGoesAlone(t *testing.T) {
	p := limit.NewPool()
	leave, err := p.Try(7, small)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Try(1, small); err == nil {
		t.Error("something goes beside it")
	}
	leave()
	if _, err := p.Try(1, small); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsIsServedInOrderAndNobodyOvertakes(t *testing.T) {
	p := limit.NewPool()
	leave, err := p.Try(10, all)
	if err != nil {
		t.Fatal(err)
	}
	large := waitFor(p, 8, all)
	p.AwaitWanted("all")
	if _, err := p.Try(1, all); err == nil {
		t.Error("somebody overtakes who waits")
	}
	leave()
	giveBack := <-large
	if p.Used("all") != 8 || p.Wanted("all") {
		t.Errorf("%d are in use", p.Used("all"))
	}
	giveBack()
}

// Who waits for an account of its own stands in nobody else's way.
func TestWhoWaitsForItselfKeepsNobodyWaiting(t *testing.T) {
	p := limit.NewPool()
	mine := limit.Account{Name: "mine", Limit: 3}
	leave, err := p.Try(3, all, mine)
	if err != nil {
		t.Fatal(err)
	}
	waiting := waitFor(p, 3, all, mine)
	p.AwaitWanted("mine")
	if p.Wanted("all") {
		t.Error("it waits for all")
	}
	if _, err := p.Try(4, all, small); err != nil {
		t.Errorf("others wait as well: %v", err)
	}
	leave()
	(<-waiting)()
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	p := limit.NewPool()
	if _, err := p.Try(9, all); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := p.Take(ctx, 5, all)
		ended <- err
	}()
	p.AwaitWanted("all")
	cancel()
	var full *limit.FullError
	if err := <-ended; !errors.As(err, &full) || full.Error() != "all: all 10 are in use" {
		t.Errorf("got %v", err)
	}
	if _, err := p.Try(1, all); err != nil {
		t.Errorf("who has given up is still in the way: %v", err)
	}
}

func waitFor(p *limit.Pool, n int64, accounts ...limit.Account) chan func() {
	served := make(chan func(), 1)
	go func() {
		leave, err := p.Take(context.Background(), n, accounts...)
		if err == nil {
			served <- leave
		}
	}()
	return served
}

// Whatever is asked for in whatever order, no account lends more than it may, everybody is served, and all comes back.
func TestNothingIsLentTwiceAndNobodyIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := limit.NewPool()
		accounts := []limit.Account{all, small, {Name: "other", Limit: 6}}
		var wait sync.WaitGroup
		for range rapid.IntRange(1, 30).Draw(t, "takers") {
			n := rapid.Int64Range(1, 4).Draw(t, "n")
			from := slices.Clone(accounts[:1])
			if i := rapid.IntRange(0, 2).Draw(t, "account"); i > 0 {
				from = append(from, accounts[i])
			}
			wait.Go(func() {
				leave, err := p.Take(context.Background(), n, from...)
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				for _, a := range from {
					if used := p.Used(a.Name); used > a.Limit {
						t.Errorf("%s lends %d", a.Name, used)
					}
				}
				leave()
			})
		}
		wait.Wait()
		for _, a := range accounts {
			if used := p.Used(a.Name); used != 0 || p.Wanted(a.Name) {
				t.Errorf("%d of %s did not come back", used, a.Name)
			}
		}
	})
}
