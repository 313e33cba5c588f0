package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// running answers that a run goes on, evaluating one customer a look, and ends after that many.
func running(looks int64, end echelonv1.Run_State) func(string, any) (any, error) {
	seen := int64(0)
	return func(string, any) (any, error) {
		seen++
		run := &echelonv1.Run{Id: "r1", State: echelonv1.Run_RUNNING, Evaluated: seen}
		if seen >= looks {
			run.State = end
		}
		return &echelonv1.GetRunResponse{Run: run}, nil
	}
}

func TestWaitRunReturnsTheRunThatEndedAndTellsEachLook(t *testing.T) {
	for _, end := range []echelonv1.Run_State{echelonv1.Run_READY, echelonv1.Run_PUBLISHED, echelonv1.Run_FAILED} {
		t.Run(end.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, stop := serve(&fake{unary: running(4, end)})
				defer stop()
				var seen []int64
				run, err := c.WaitRun(t.Context(), "r1", func(run *echelonv1.Run) { seen = append(seen, run.GetEvaluated()) })
				if err != nil || run.GetState() != end {
					t.Errorf("%v and error %v", run, err)
				}
				if diff := cmp.Diff([]int64{1, 2, 3, 4}, seen); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestWaitRunAsksLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{unary: running(1<<40, echelonv1.Run_READY)})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		looks := 0
		_, err := c.WaitRun(ctx, "r1", func(*echelonv1.Run) { looks++ })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if looks < 1800 || looks > 1830 { // one every two seconds, and a few at first
			t.Errorf("%d looks within an hour", looks)
		}
	})
}

func TestWaitRunEndsWithTheServicesError(t *testing.T) {
	c := start(t, &fake{unary: func(string, any) (any, error) { return nil, status.Error(codes.NotFound, "there is no such run") }})
	if _, err := c.WaitRun(t.Context(), "r1", nil); !client.IsNotFound(err) {
		t.Errorf("error %v", err)
	}
}
