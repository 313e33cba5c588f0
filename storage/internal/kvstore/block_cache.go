package kvstore

import (
	"encoding/binary"

	"github.com/dgraph-io/ristretto/v2"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

const (
	// blockCacheBytes is how large the blocks may be that the cache keeps, as messages; in memory they take about twice that.
	blockCacheBytes = 32 << 20
	// blockCacheCounters is of how many blocks the cache remembers how often they were asked for: some ten times as many as it holds.
	blockCacheCounters = 1 << 14
)

// blockCache keeps blocks of snapshots that were read for one customer, decoded, since many are asked for one by one and a block holds a thousand. A block
// is known by its key and by the commit that wrote it: one that was rewritten or removed is never found again, and leaves when room is needed.
type blockCache struct {
	blocks *ristretto.Cache[string, cachedBlock]
}

// cachedBlock is a block with its whole key, since the cache looks at hashes alone.
type cachedBlock struct {
	key   string
	block *storagev1.SnapshotBlock
}

func newBlockCache() (blockCache, error) {
	blocks, err := ristretto.NewCache(&ristretto.Config[string, cachedBlock]{
		NumCounters: blockCacheCounters, MaxCost: blockCacheBytes, BufferItems: 64, Metrics: true,
	})
	return blockCache{blocks}, err
}

// open returns the block of an item, which must not be changed: others read it too.
func (c blockCache) open(snapshot string, item Item) (*storagev1.SnapshotBlock, error) {
	key := string(binary.BigEndian.AppendUint64(append([]byte(nil), item.Key...), item.Version))
	if kept, found := c.blocks.Get(key); found && kept.key == key {
		return kept.block, nil
	}
	block, err := openBlock(snapshot, item)
	if err == nil {
		c.blocks.Set(key, cachedBlock{key, block}, int64(proto.Size(block)))
	}
	return block, err
}

// BlockCacheCounts returns how many blocks that were read for one customer were in memory, and how many were not.
func (s *Store) BlockCacheCounts() (hits, misses uint64) {
	return s.blocks.blocks.Metrics.Hits(), s.blocks.blocks.Metrics.Misses()
}
