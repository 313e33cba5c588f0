package checks

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// The check is worth something where it finds what is wrong: each of these services has a bug of the kind that concurrent calls bring to light.

// find makes histories until one is a violation.
func find(t *testing.T, what string, plant func() (storage.Store, []grpc.UnaryClientInterceptor)) {
	t.Helper()
	const most = 100
	for seed := uint64(1); seed <= most; seed++ {
		store, through := plant()
		history := record(t, seed, store, through...)
		switch result, info := porcupine.CheckOperationsVerbose(spec, history, patience); result {
		case porcupine.Illegal:
			t.Logf("%s is found in history %d, of which %d of %d calls can be put in an order", what, seed, len(longest(info)), len(history))
			return
		case porcupine.Unknown:
			t.Fatalf("the history of seed %d was not decided", seed)
		}
	}
	t.Errorf("%s is not found in %d histories", what, most)
}

func TestAPlantedStaleReadIsFound(t *testing.T) {
	find(t, "a store that shows old views now and then", func() (storage.Store, []grpc.UnaryClientInterceptor) {
		return &lagging{Store: memory.New(), random: rand.New(rand.NewPCG(1, 1))}, nil
	})
}

// lagging is a store whose views are old now and then, as those of a replica are that lags behind.
type lagging struct {
	storage.Store
	mu     sync.Mutex
	random *rand.Rand
	// kept are the old views, which stay open: whoever reads one is not to be told that it was closed.
	kept []storage.Reader
}

// View implements storage.Store.
func (l *lagging) View(ctx context.Context) (storage.Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) > 0 && l.random.IntN(10) == 0 {
		return borrowed{l.kept[len(l.kept)-1]}, nil
	}
	view, err := l.Store.View(ctx)
	if err == nil && l.random.IntN(20) == 0 {
		l.kept, view = append(l.kept, view), borrowed{view}
	}
	return view, err
}

// Close implements storage.Store.
func (l *lagging) Close() error {
	for _, view := range l.kept {
		view.Close()
	}
	return l.Store.Close()
}

// borrowed is a view that stays open.
type borrowed struct{ storage.Reader }

// Close implements storage.Reader.
func (borrowed) Close() {}

func TestAPlantedLostUpdateIsFound(t *testing.T) {
	find(t, "a service that does not look at etags", func() (storage.Store, []grpc.UnaryClientInterceptor) {
		return memory.New(), []grpc.UnaryClientInterceptor{func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
			invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			if set, ok := request.(*echelonv1.SetOverrideRequest); ok {
				set.Etag = nil
			}
			return invoke(ctx, method, request, reply, conn, options...)
		}}
	})
}

func TestAPlantedAnswerOfACacheIsFound(t *testing.T) {
	find(t, "a cache that keeps an assignment for some calls", func() (storage.Store, []grpc.UnaryClientInterceptor) {
		cache := &caching{answers: make(map[string]*kept)}
		return memory.New(), []grpc.UnaryClientInterceptor{cache.call}
	})
}

// caching answers GetAssignment with what it was answered before, a few times.
type caching struct {
	mu      sync.Mutex
	answers map[string]*kept
}

type kept struct {
	answer *echelonv1.GetAssignmentResponse
	times  int
}

func (c *caching) call(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	get, ok := request.(*echelonv1.GetAssignmentRequest)
	if !ok {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := reply.(*echelonv1.GetAssignmentResponse)
	if k := c.answers[get.GetCustomerId()]; k != nil && k.times > 0 {
		k.times--
		answer.Assignment = k.answer.GetAssignment()
		return nil
	}
	err := invoke(ctx, method, request, reply, conn, options...)
	if err == nil {
		c.answers[get.GetCustomerId()] = &kept{answer: answer, times: 3}
	}
	return err
}
