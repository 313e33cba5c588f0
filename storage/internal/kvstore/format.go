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
		return parseFormat(string(item.Value), dir)
	}
	for _, err := range txn.Scan(Range{KeysOnly: true}) {
		if err != nil {
			return err
		}
		return &storage.FormatError{Dir: dir, Supported: Format} // there is something, and it is not ours
	}
	if err := txn.Set(formatKey, []byte(formatText+strconv.Itoa(Format))); err != nil {
		return err
	}
	return txn.Commit()
}

func parseFormat(value, dir string) error {
	number, ok := strings.CutPrefix(value, formatText)
	found, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil || found < 1:
		return &storage.CorruptError{What: "the format of the store in " + dir, Err: fmt.Errorf("it reads %q", value)}
	case found > Format:
		return &storage.FormatError{Dir: dir, Found: found, Supported: Format}
	}
	return nil
}
