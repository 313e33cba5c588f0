// Package storage says what Echelon needs of a store: customers in rows under one versioned schema of attributes, snapshots in blocks, and small
// things as protobuf documents. It holds the interfaces, the errors and the rules that are the same for every implementation; package storagetest
// holds the tests that each of them has to pass.
//
// A store has a history of commits. A Reader sees it as it was at one of them, whatever is written meanwhile; an Update happens at one commit as a
// whole, or not at all. What a method has acknowledged is kept, if the store is durable, when the process or the machine stops.
package storage
