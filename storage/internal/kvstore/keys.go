package kvstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/echelonhq/echelon/storage"
)

// The layout of keys. It must never change: a change is a new format (see format.go).
//
//	'F'                        the format of the store
//	'c' id                     a customer's row (package rowcodec)
//	'd' kind:byte key          a document: its message in wire format
//	'h'                        how the store came to its commits (see history.go)
//	'o' overlay 0 id           a customer's row in an overlay: its message in wire format, without the id
//	's' snapshot 0 last-id     a block of a snapshot (package blockcodec), under the last of its ids: the block that may hold an id is the first at or after it
//	't' hash                   the tombstone of the customer whose id has that hash
//
// Ids, keys and names stand as they are, so that the order of keys is the order of their bytes. Every value but the format is sealed.
const (
	spaceFormat   = 'F'
	spaceCustomer = 'c'
	spaceDocument = 'd'
	spaceHistory  = 'h'
	spaceOverlay  = 'o'
	spaceSnapshot = 's'

	spaceTombstone = 't'
)

var (
	formatKey      = []byte{spaceFormat}
	historyKey     = []byte{spaceHistory}
	customerPrefix = []byte{spaceCustomer}
	overlaySpace   = []byte{spaceOverlay}
	snapshotSpace  = []byte{spaceSnapshot}
	tombstoneSpace = []byte{spaceTombstone}
)

func customerKey(id string) []byte { return append([]byte{spaceCustomer}, id...) }

func documentKey(kind storage.Kind, key string) []byte {
	return append([]byte{spaceDocument, byte(kind)}, key...)
}

// snapshotPrefix is what the keys of a snapshot's blocks begin with. The name has no 0 byte, so none begins with another's.
func snapshotPrefix(snapshot string) []byte {
	return append(append([]byte{spaceSnapshot}, snapshot...), 0)
}

func snapshotKey(snapshot, id string) []byte { return append(snapshotPrefix(snapshot), id...) }

// overlayPrefix is what the keys of an overlay's rows begin with. The name has no 0 byte.
func overlayPrefix(overlay string) []byte {
	return append(append([]byte{spaceOverlay}, overlay...), 0)
}

func overlayKey(overlay, id string) []byte { return append(overlayPrefix(overlay), id...) }

func tombstoneKey(hash string) []byte { return append([]byte{spaceTombstone}, hash...) }

// snapshotName returns the name in the key of a block, or of an overlay's row.
func snapshotName(key []byte) (string, bool) {
	name, _, ok := bytes.Cut(key[1:], []byte{0})
	return string(name), ok
}

// sealBytes is the length of the check sum behind a value.
const sealBytes = 4

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errSeal    = errors.New("its check sum does not match")
)

// seal appends to a value the CRC-32C of its key and itself: the map below need not notice damage on the disk.
func seal(key, value []byte) []byte {
	return binary.LittleEndian.AppendUint32(value, checkSum(key, value))
}

// unseal returns the value that was sealed.
func unseal(item Item) ([]byte, error) {
	n := len(item.Value) - sealBytes
	if n < 0 || checkSum(item.Key, item.Value[:n]) != binary.LittleEndian.Uint32(item.Value[n:]) {
		return nil, errSeal
	}
	return item.Value[:n], nil
}

func checkSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}
