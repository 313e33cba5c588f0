package server

import (
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// gathering is a population that comes in batches and stays, in columns.
type gathering struct {
	builder       *frame.Builder
	ignoreUnknown bool
	frames        []*frame.Frame
	rows, refused int64
	errors        []*echelonv1.RowError
	// arrow reads Arrow batches, and notices are what it says of them.
	arrow   *arrowframe.Reader
	notices []string
	// leaving give back the bytes of what was gathered.
	leaving []func()
}

func (g *gathering) leave() {
	for _, leave := range g.leaving {
		leave()
	}
}

func (g *gathering) add(customers []*echelonv1.Customer) {
	for _, customer := range customers {
		if fault := g.builder.AddCustomer(customer, g.ignoreUnknown); fault != nil {
			g.refused++
			if len(g.errors) < refusedKept {
				fault.Index = g.rows
				g.errors = append(g.errors, fault)
			}
		}
		g.rows++
	}
	if g.builder.Len() > 0 {
		g.frames = append(g.frames, g.builder.Take())
	}
}

// population goes through the frames; it is an engine.Population.
func (g *gathering) population(yield func(*frame.Frame, error) bool) {
	for _, f := range g.frames {
		if !yield(f, nil) {
			return
		}
	}
}

// receive takes the next message of a stream that only the client sends on, or ends it when the server stops or nothing comes for too long.
func (s *scoringService) receive(stream calibrateStream) (*echelonv1.CalibrateRequest, error) {
	type message struct {
		request *echelonv1.CalibrateRequest
		err     error
	}
	next := make(chan message, 1)
	go func() {
		request, err := stream.Recv()
		next <- message{request, err}
	}()
	timer := time.NewTimer(s.streams.stall)
	defer timer.Stop()
	select {
	case m := <-next:
		if m.err == nil {
			m.err = unreadable(m.request)
		}
		return m.request, m.err
	case <-s.streams.stopping:
		return nil, errStopping()
	case <-timer.C:
		return nil, s.streams.errStalled()
	}
}
