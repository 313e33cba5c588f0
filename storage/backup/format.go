package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// Format is the format of files that this program reads and writes.
const Format = 1

// magic is what every backup begins with. It must never change.
const magic = "\x8aECHELON-BACKUP\n"

const (
	sumBytes     = sha256.Size
	sectionBytes = 5 // type and length
	// chunkBytes is how many bytes of entries a chunk holds about.
	chunkBytes = 1 << 20
	// maxBody is the longest body of a section, packed or not: far more than the longest value needs.
	maxBody = 128 << 20
)

// The types of sections.
const (
	headerSection = 'H'
	chunkSection  = 'C'
	endSection    = 'E'
)

// Entry is one key of the store.
type Entry struct {
	// Key is the key, Version the commit at which its value was written.
	Key     []byte
	Version uint64
	// Value is its value; absent where Kept.
	Value []byte
	// Kept means that the value is in the backup's base, under the same version.
	Kept bool
}

// Info is what a whole backup says of itself.
type Info struct {
	// ID is the SHA-256 of everything in it, in hexadecimal.
	ID string
	// Header and End are its first and last sections.
	Header *storagev1.BackupHeader
	End    *storagev1.BackupEnd
}

// DamagedError means that a file is no backup, or not as it was written.
type DamagedError struct {
	// Offset is the byte at which that was found.
	Offset int64
	// What was found.
	What string
}

// Error says what was found and what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the backup is damaged at byte %d: %s; take another copy of it, or an older backup", e.Offset, e.What)
}

// FormatError means that a newer program wrote a backup.
type FormatError struct {
	// What is newer: "backup" or "store".
	What string
	// Found is its format, Supported the newest that this program knows.
	Found, Supported int
}

// Error names both formats.
func (e *FormatError) Error() string {
	return fmt.Sprintf("the %s has format %d, and this program knows formats up to %d: use the version of the program that wrote the backup, or a newer one",
		e.What, e.Found, e.Supported)
}

// ChainError means that backups do not follow one another.
type ChainError struct {
	// Place is the backup, from 0, that does not fit.
	Place int
	// What is wrong with it.
	What string
}

// Error says which backup does not fit and why.
func (e *ChainError) Error() string {
	return fmt.Sprintf("backup %d of the chain does not fit: %s: give the full backup first and then every incremental one, in the order in which they were made",
		e.Place+1, e.What)
}

// Content adds up the keys and values of a store, in their order, to one hash: equal for equal content, whatever the commits.
type Content struct {
	hash   hash.Hash
	length []byte
}

// NewContent returns the hash of nothing.
func NewContent() *Content { return &Content{hash: sha256.New()} }

// Add adds a key and its value.
func (c *Content) Add(key, value []byte) {
	for _, part := range [][]byte{key, value} {
		c.length = binary.AppendUvarint(c.length[:0], uint64(len(part)))
		// A hash never fails to take bytes.
		_, _ = c.hash.Write(c.length)
		_, _ = c.hash.Write(part)
	}
}

// Sum returns the hash, in hexadecimal.
func (c *Content) Sum() string { return fmt.Sprintf("%x", c.hash.Sum(nil)) }
