package badger

import (
	"os"
	"path/filepath"

	"github.com/echelonhq/echelon/storage"
)

var _ storage.Statistics = (*Store)(nil)

// Statistics implements storage.Statistics. The database's own figures of its files are a minute old, so the folder is looked at instead.
func (s *Store) Statistics() storage.StoreStatistics {
	found := storage.StoreStatistics{Cleanings: s.database.cleanings.Load(), CleanedFiles: s.database.cleaned.Load()}
	if cache := s.db.BlockCacheMetrics(); cache != nil {
		found.CacheHits, found.CacheMisses = cache.Hits(), cache.Misses()
	}
	found.BlockCacheHits, found.BlockCacheMisses = s.BlockCacheCounts()
	// A file that has gone meanwhile takes no space.
	entries, _ := os.ReadDir(s.database.disk.dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch filepath.Ext(entry.Name()) {
		case ".sst":
			found.Tables++
			found.TableBytes += allocated(info)
		case ".vlog":
			found.ValueLogs++
			found.ValueLogBytes += allocated(info)
		}
	}
	return found
}
