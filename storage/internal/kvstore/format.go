package kvstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/storage"
)

// Format is the format that this program reads and writes. It rises when the layout of keys or values changes in a way that an older program would
// misread; a newer program goes on reading the older formats.
const Format = 1

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
	if err := txn.Set(formatKey, []byte(formatValue())); err != nil {
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

func formatValue() string { return formatText + strconv.Itoa(Format) }
