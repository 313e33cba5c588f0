// Package checks holds tests that need what neither users nor the other tests shall download: a module of its own. It checks that concurrent clients of
// the service see one history, as if every call had happened at one instant between its beginning and its end (linearizability).
package checks
