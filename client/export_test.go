package client

import (
	"context"
	"time"
)

// WithSleep replaces how a client waits before it repeats a call.
func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(s *settings) { s.sleep = sleep }
}

// RepeatsOf returns the table of what is repeated, as words.
func RepeatsOf() map[string]string {
	names := [...]string{once: "once", again: "again", stream: "stream"}
	words := make(map[string]string)
	for method, r := range repeatsOf {
		words[method] = names[r]
	}
	return words
}
