package backup

import (
	"bytes"
	"fmt"
	"iter"
)

// CheckChain checks that backups are a full one and the incremental ones that follow it. The error is a *ChainError.
func CheckChain(chain []*Info) error {
	for i, info := range chain {
		base := info.Header.GetBaseId()
		switch {
		case i == 0 && base != "":
			return &ChainError{i, "it is incremental, and follows the backup " + short(base)}
		case i > 0 && base == "":
			return &ChainError{i, "it is a full one, which needs none before it"}
		case i > 0 && (base != chain[i-1].ID || info.Header.GetBaseCommit() != chain[i-1].Header.GetCommit()):
			return &ChainError{i, fmt.Sprintf("it follows the backup %s, not %s", short(base), short(chain[i-1].ID))}
		}
	}
	return nil
}

// short is as much of an id as tells backups apart.
func short(id string) string { return id[:min(len(id), 12)] }

// Merge goes through what a store had at the last backup of a chain: every entry with its value. An entry is valid until the next one.
func Merge(chain []*Reader) iter.Seq2[Entry, error] {
	if len(chain) == 1 {
		return chain[0].Entries()
	}
	before, last := chain[:len(chain)-1], chain[len(chain)-1]
	return func(yield func(Entry, error) bool) {
		next, stop := iter.Pull2(Merge(before))
		defer stop()
		for e, err := range last.Entries() {
			if err == nil && e.Kept {
				e.Value, err = find(next, e)
				e.Kept = false
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		// The rest was deleted, but it is read, since whatever is at fault with it would be overlooked otherwise.
		for {
			if _, err, more := next(); err != nil || !more {
				if err != nil {
					yield(Entry{}, err)
				}
				return
			}
		}
	}
}

// find returns the value of an entry that the base has; those before it were deleted or replaced.
func find(next func() (Entry, error, bool), wanted Entry) ([]byte, error) {
	for {
		e, err, more := next()
		if err != nil {
			return nil, err
		}
		order := 1
		if more {
			order = bytes.Compare(e.Key, wanted.Key)
		}
		switch {
		case order < 0:
		case order == 0 && e.Version == wanted.Version:
			return e.Value, nil
		default:
			return nil, &ChainError{What: fmt.Sprintf("a later one needs of it what the key %q had at commit %d, which it lacks", wanted.Key, wanted.Version)}
		}
	}
}
