package badger

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/echelonhq/echelon/storage"
)

// checkTables looks at every file of tables by its own check sums. The database reads them in goroutines of its own when it opens, and one that is
// damaged ends the process there: so this comes before.
func checkTables(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := checkTable(path); err != nil {
			return &storage.CorruptError{What: "the file " + path, Err: err}
		}
	}
	return nil
}

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
