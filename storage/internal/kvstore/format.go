package kvstore

import (
	"fmt"
	"strconv"
	"strings"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// Format is the format that this program reads and writes. It rises when the layout of keys or values changes in a way that an older program would
// misread; a newer program goes on reading the older formats.
//
//	1    as it began
//	2    the schema has attributes that were renamed or retired, whose values a program of format 1 would miss or show
//	3    blocks of snapshots are packed (package blockcodec), which a program of format 2 would call damaged
//	4    batches of changes have several parts, whose changes a program of format 3 would give numbers of others
//
// A store has the oldest format that says what is in it, so that an older program opens what it understands.
const Format = 4

const (
	// firstFormat is that of a new store.
	firstFormat = 1
	// packedFormat is that of a store with a snapshot.
	packedFormat = 3
	// partsFormat is that of a store with changes in several parts.
	partsFormat = 4
)

// formatOf returns the format that a schema needs.
func formatOf(schema *storagev1.Schema) int {
	for _, attribute := range schema.GetAttributes() {
		if attribute.GetRetired() || len(attribute.GetFormerNames()) > 0 {
			return 2
		}
	}
	return firstFormat
}

// formatOfBlock returns the format that a block needs.
func formatOfBlock(block *storagev1.SnapshotBlock) int {
	if block.GetChangePart() > 0 {
		return partsFormat
	}
	return packedFormat
}

// raiseFormat writes the format that what is written needs, where the store has an older one.
func raiseFormat(txn Txn, needed int) error {
	if needed == firstFormat {
		return nil
	}
	if found, err := readFormat(txn, ""); err != nil || found >= needed {
		return err
	}
	return txn.Set(formatKey, []byte(formatValue(needed)))
}

// formatText is what the value under the format's key begins with; the number follows. It must never change.
const formatText = "echelon store, format "

// checkFormat refuses a map that is not ours or newer than this program, and marks a new one. The folder is for the error.
func checkFormat(db DB, dir string) error {
	txn := db.Begin(true)
	defer txn.Discard()
	item, found, err := txn.Get(formatKey)
	if err != nil {
		return err
	}
	if found {
		_, err := parseFormat(string(item.Value), dir)
		return err
	}
	for _, err := range txn.Scan(Range{KeysOnly: true}) {
		if err != nil {
			return err
		}
		return &storage.FormatError{Dir: dir, Supported: Format} // there is something, and it is not ours
	}
	if err := txn.Set(formatKey, []byte(formatValue(firstFormat))); err != nil {
		return err
	}
	return txn.Commit()
}

// readFormat returns the format of a map that is ours. The folder is for the error.
func readFormat(txn Txn, dir string) (int, error) {
	item, found, err := txn.Get(formatKey)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, &storage.FormatError{Dir: dir, Supported: Format}
	}
	return parseFormat(string(item.Value), dir)
}

func parseFormat(value, dir string) (int, error) {
	number, ok := strings.CutPrefix(value, formatText)
	found, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil || found < 1:
		return 0, &storage.CorruptError{What: "the format of the store in " + dir, Err: fmt.Errorf("it reads %q", value)}
	case found > Format:
		return 0, &storage.FormatError{Dir: dir, Found: found, Supported: Format}
	}
	return found, nil
}

func formatValue(format int) string { return formatText + strconv.Itoa(format) }
