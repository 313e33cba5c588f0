package badger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/echelonhq/echelon/storage"
)

// checkFiles looks at the database's files by their own check sums, before it opens them: it reads tables in goroutines of its own, where one that
// is damaged ends the process, and cuts its logs off at what it cannot read, for which it takes the trace of a crash. The folder must not be held.
// The error is a *storage.CorruptError that names the file.
func checkFiles(dir string, options badgerdb.Options) error {
	tables, err := manifestTables(filepath.Join(dir, manifestFile), options)
	if err != nil {
		return err
	}
	for _, id := range tables {
		if path := table.NewFilename(id, dir); path != "" {
			if err := checkTable(path); err != nil {
				return damagedFile(path, err)
			}
		}
	}
	logs, err := openLogs(dir)
	if err != nil {
		return err
	}
	for _, path := range logs {
		if err := checkLog(path); err != nil {
			return damagedFile(path, err)
		}
	}
	return nil
}

func damagedFile(path string, err error) error {
	return &storage.CorruptError{What: "the file " + path, Err: err}
}

// manifestTables returns the tables that the database consists of; other files of tables are what a crash left. A folder that has no MANIFEST yet,
// or one that is not ours, has none.
func manifestTables(path string, options badgerdb.Options) ([]uint64, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	manifest, end, err := badgerdb.ReplayManifestFile(file, magic, options)
	if err != nil && isForeign(err) {
		return nil, nil // opening it says so
	}
	if err == nil {
		err = checkManifestEnd(file, end)
	}
	if err != nil {
		return nil, damagedFile(path, err)
	}
	ids := make([]uint64, 0, len(manifest.Tables))
	for id := range manifest.Tables {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

// checkManifestEnd looks at what follows the last set of changes that could be read. A crash leaves a part of a set there. A whole set whose length
// is damaged looks the same, and the database would forget its tables, and remove them.
func checkManifestEnd(file *os.File, end int64) error {
	if _, err := file.Seek(end, io.SeekStart); err != nil {
		return err
	}
	rest, err := io.ReadAll(file)
	if err != nil || len(rest) < 8 {
		return err
	}
	want, sum := y.BytesToU32(rest[4:8]), uint32(0)
	for i := range rest[8:] {
		if sum = crc32.Update(sum, y.CastagnoliCrcTable, rest[8+i:9+i]); sum == want {
			return fmt.Errorf("the length at byte %d is not that of what follows", end)
		}
	}
	return nil
}

// checkTable reads a whole table.
func checkTable(path string) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("it cannot be read: %.100s", fmt.Sprint(panicked))
		}
	}()
	file, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close(-1) }() // it was only read
	opened, err := table.OpenTable(file, table.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	return opened.VerifyChecksum()
}
