package kvstore

import (
	"context"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/backup"
)

var _ storage.Backuper = (*Store)(nil)

// Backup implements storage.Backuper. One transaction reads it all, so that it is of one commit whatever others write meanwhile.
func (s *Store) Backup(ctx context.Context, base *storage.BackupBase, at time.Time, to io.Writer) error {
	txn, err := s.begin(ctx, false)
	if err != nil {
		return err
	}
	defer s.end(txn)
	header, err := backupHeader(txn, base, at)
	if err != nil {
		return err
	}
	w, err := backup.NewWriter(to, header)
	if err != nil {
		return err
	}
	n := 0
	for item, err := range txn.Scan(Range{ValuesAfter: header.GetBaseCommit()}) {
		if err == nil && n%checkEvery == 0 {
			err = s.ended(ctx)
		}
		n++
		if err == nil {
			err = backUp(w, item, header.GetBaseCommit())
		}
		if err != nil {
			return err
		}
	}
	_, err = w.Close()
	return err
}

func backupHeader(txn Txn, base *storage.BackupBase, at time.Time) (*storagev1.BackupHeader, error) {
	history, err := readHistory(txn)
	if err != nil {
		return nil, err
	}
	format, err := readFormat(txn, "")
	if err != nil {
		return nil, err
	}
	header := &storagev1.BackupHeader{StoreFormat: uint32(format), Commit: txn.ReadPoint(), CreateTime: timestamppb.New(at)}
	if n := len(history.Spans); n > 0 {
		header.History = history.Spans[n-1].GetId()
	}
	if base == nil {
		return header, nil
	}
	if base.ID == "" || base.Commit == 0 || !follows(history, base, txn.ReadPoint()) {
		return nil, storage.ErrBackupBase
	}
	header.BaseId, header.BaseCommit = base.ID, uint64(base.Commit)
	return header, nil
}

// backUp adds an item to a backup: its value where it was written after a commit. A value that is damaged ends the backup, since it would take the
// place of one that is not.
func backUp(w *backup.Writer, item Item, after uint64) error {
	if !content(item.Key) {
		return nil
	}
	entry := backup.Entry{Key: item.Key, Version: item.Version, Kept: item.Version <= after}
	if !entry.Kept {
		if _, err := unseal(item); err != nil {
			return &storage.CorruptError{What: what(item.Key), Err: err}
		}
		entry.Value = item.Value
	}
	return w.Add(entry)
}

// content reports whether a key is of what the store was given, rather than of how the store itself is kept.
func content(key []byte) bool { return key[0] != spaceFormat && key[0] != spaceHistory }

// ended returns why a long read should end, nil if it should not.
func (s *Store) ended(ctx context.Context) error {
	if s.closed.Load() {
		return storage.ErrClosed
	}
	return ctx.Err()
}

// what says what is stored under a key.
func what(key []byte) string {
	switch {
	case key[0] == spaceCustomer:
		return fmt.Sprintf("customer %q", key[1:])
	case key[0] == spaceDocument && len(key) > 1:
		return fmt.Sprintf("%s %q", storage.Kind(key[1]), key[2:])
	case key[0] == spaceSnapshot:
		if name, ok := snapshotName(key); ok {
			return fmt.Sprintf("the block of snapshot %q that ends with customer %q", name, key[len(snapshotPrefix(name)):])
		}
	case key[0] == spaceOverlay:
		if name, ok := snapshotName(key); ok {
			return fmt.Sprintf("the row of customer %q in the overlay %q", key[len(overlayPrefix(name)):], name)
		}
	case key[0] == spaceTombstone:
		return fmt.Sprintf("the tombstone %x", key[1:])
	case key[0] == spaceHistory:
		return "the store's history"
	}
	return fmt.Sprintf("the value under %q", key)
}

// FormatEntry returns the key and the value that make a map a store of a format; a restore writes them last.
func FormatEntry(format int) (key, value []byte) { return formatKey, []byte(formatValue(format)) }
