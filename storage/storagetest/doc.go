// Package storagetest holds the tests that every storage.Store has to pass: what the interfaces say, as code. An implementation's own test calls
// Run and adds what is special about it.
package storagetest
