package server_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	store := newTroubled(t)
	h := serve(t, store)
	h.create(plain)
	store.make(func() error { panic("x") })
	t.Log(calls(h)["ImportCustomers"]())
	time.Sleep(300 * time.Millisecond)
	buf := make([]byte, 1<<20)
	s := string(buf[:runtime.Stack(buf, true)])
	t.Log(strings.Count(s, "sendAll"), strings.Count(s, "duplex"), strings.Count(s, "goroutine "))
	for _, g := range strings.Split(s, "\n\n") {
		if strings.Contains(g, "sendAll") || strings.Contains(g, "duplex") {
			t.Log(g)
		}
	}
}
