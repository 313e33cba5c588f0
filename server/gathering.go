package server

import (
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// gathering is a population that comes in batches and stays, in columns.
type gathering struct {
	rows   *wire.Rows
	frames []*frame.Frame
	// bytes is about how much memory the frames take.
	bytes          int64
	count, refused int64
	errors         []*echelonv1.RowError
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

// add reads a batch. INVALID_REQUEST, ARROW_INVALID.
func (g *gathering) add(batch *rowBatch) error {
	if len(batch.arrow) > 0 {
		return g.addArrow(batch)
	}
	err := batch.read(g.rows, func(_ int, _ *echelonv1.Customer, refused *echelonv1.RowError) {
		if refused != nil {
			g.refused++
			if len(g.errors) < refusedKept {
				refused.Index = g.count
				g.errors = append(g.errors, refused)
			}
		}
		g.count++
	})
	g.keep(g.rows.Builder.Take())
	return err
}

func (g *gathering) keep(f *frame.Frame) {
	if f.Len() > 0 {
		g.frames = append(g.frames, f)
		g.bytes += f.Size()
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
func (s *scoringService) receive(stream calibrateStream) (*bulkRequest[*echelonv1.CalibrateRequest], error) {
	type message struct {
		request *bulkRequest[*echelonv1.CalibrateRequest]
		err     error
	}
	next := make(chan message, 1)
	go func() {
		request, err := receiveBulk[echelonv1.CalibrateRequest](stream)
		next <- message{request, err}
	}()
	timer := time.NewTimer(s.streams.stall)
	defer timer.Stop()
	select {
	case m := <-next:
		if m.err == nil {
			m.err = unreadable(m.request.message)
		}
		return m.request, m.err
	case <-s.streams.stopping:
		return nil, errStopping()
	case <-timer.C:
		return nil, s.streams.errStalled()
	}
}
