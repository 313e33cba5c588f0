package server

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// agedStream is a stream whose connection began at a time.
type agedStream struct {
	grpc.ServerStream
	ctx  context.Context
	sent int
}

func (s *agedStream) Context() context.Context { return s.ctx }

func (s *agedStream) SendMsg(any) error {
	s.sent++
	return nil
}

func TestAStreamOfTheServersLeavesBeforeTheGraceEnds(t *testing.T) {
	const most, grace = time.Hour, 12 * time.Hour // the earliest end of the grace is after 12 h 54 min
	for _, test := range []struct {
		name  string
		most  time.Duration
		age   time.Duration
		sends bool // whether the client sends on the stream as well
		ended bool
	}{
		{"of a young connection", most, time.Minute, false, false},
		{"of one that takes no new calls", most, 2 * time.Hour, false, false},
		{"of one whose grace has more than a moment left", most, 12*time.Hour + 53*time.Minute + 30*time.Second, false, false},
		{"of one whose grace is nearly over", most, 12*time.Hour + 53*time.Minute + 55*time.Second, false, true},
		{"of one that lives for ever", -1, 1000 * time.Hour, false, false},
		{"of both, which leaves by itself", most, 13 * time.Hour, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			stream := &agedStream{ctx: context.WithValue(t.Context(), connectedKey{}, time.Now().Add(-test.age))}
			err := connectionAge{test.most, grace}.stream(nil, stream, &grpc.StreamServerInfo{IsClientStream: test.sends, IsServerStream: true},
				func(_ any, s grpc.ServerStream) error { return s.SendMsg(nil) })
			if fault.Is(err, echelonv1.ErrorReason_RESUME_ELSEWHERE) != test.ended || (stream.sent == 1) == test.ended {
				t.Errorf("%d messages were sent, error %v", stream.sent, err)
			}
		})
	}
}

// Whatever gRPC makes of an age, a stream leaves after the last moment at which its connection takes calls, and before the first at which it is cut.
func TestStreamsLeaveBetweenTheAgeAndTheGrace(t *testing.T) {
	for _, a := range []connectionAge{{30 * time.Minute, 12 * time.Hour}, {time.Hour, 30 * time.Minute}, {time.Second, time.Second / 2}, {time.Millisecond, time.Hour}} {
		if err := (Config{MaxConnectionAge: a.most, MaxConnectionAgeGrace: a.grace}).withDefaults().check(); err != nil {
			t.Fatal(err)
		}
		last, cut := a.most+a.most/10, a.most-a.most/10+a.grace
		if lives := a.lives(); lives <= last || lives >= cut {
			t.Errorf("an age of %v with a grace of %v: streams leave after %v, not between %v and %v", a.most, a.grace, lives, last, cut)
		}
	}
}
