// Package memory is a storage.Store that keeps everything in memory and forgets it when it is closed: for tests, trials and what needs no disk.
// A view is a copy-on-write tree, so that readers and writers never wait for each other.
package memory
