// Package kvstore is a storage.Store over any ordered map of bytes with transactions. Everything that implementations share is here: the layout
// of keys, rows, check sums, snapshots, retries and the format; what differs is a small DB.
package kvstore
