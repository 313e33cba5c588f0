package storage

// Statistics is a store that has figures of itself.
type Statistics interface {
	// Statistics returns the figures as they are now.
	Statistics() StoreStatistics
}

// StoreStatistics are figures of a store on a disk. Counts begin when it was opened.
type StoreStatistics struct {
	// Tables is how many files hold keys and short values, TableBytes the space that they take.
	Tables, TableBytes int64
	// ValueLogs is how many files hold long values, ValueLogBytes the space that they take.
	ValueLogs, ValueLogBytes int64
	// CacheHits is how many blocks of tables were read from memory, CacheMisses how many were not.
	CacheHits, CacheMisses uint64
	// BlockCacheHits is how many blocks of snapshots that were read for one customer were in memory, decoded, BlockCacheMisses how many were not.
	BlockCacheHits, BlockCacheMisses uint64
	// Cleanings is how often the space of replaced values was looked for, CleanedFiles how many files were rewritten to free it.
	Cleanings, CleanedFiles uint64
}
