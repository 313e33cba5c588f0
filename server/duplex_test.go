package server

import (
	"context"
	"strings"
	"testing"
)

// Work is done outside the call's own goroutine, where a panic would end the server.
func TestWorkThatPanicsIsAnErrorOfTheCall(t *testing.T) {
	p := &promise{made: make(chan struct{})}
	p.make(t.Context(), func(context.Context) (reply, error) { panic("the work") })
	<-p.made
	if p.err == nil || !strings.Contains(p.err.Error(), "panic: the work") || !strings.Contains(p.err.Error(), "duplex_test.go") {
		t.Errorf("got %v", p.err)
	}
}
