package badger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/backup"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

// restoringFile is in a folder while a restore fills it, and stays where that is interrupted: such a folder is not opened.
const restoringFile = "RESTORING"

// pendingWrites is how many batches of a restore are under way at once.
const pendingWrites = 16

// Restored says what a restore brought back.
type Restored struct {
	// Keys is how many keys the store has.
	Keys int64
	// Last is the last backup of the chain.
	Last *backup.Info
	// Content is the hash of all keys and values, as a full backup and Inspect have it.
	Content string
}

// Restore makes a store in a folder that is not there or empty, of a full backup and the incremental ones that follow it. All files are checked
// from beginning to end before anything is written. An interrupted restore leaves a folder that Open refuses with storage.ErrRestoring.
//
// The error is a *backup.DamagedError, *backup.FormatError or *backup.ChainError where the files are at fault.
func Restore(ctx context.Context, dir string, options Options, files ...string) (*Restored, error) {
	chain, err := verify(ctx, files)
	if err != nil {
		return nil, err
	}
	if err := empty(dir); err != nil {
		return nil, openError(dir, err)
	}
	marker := filepath.Join(dir, restoringFile)
	if err := durably(dir, func() error { return os.WriteFile(marker, nil, 0o600) }); err != nil {
		return nil, openError(dir, err)
	}
	restored, err := fill(ctx, dir, options.withDefaults(), files, chain)
	if err != nil {
		return nil, err
	}
	return restored, durably(dir, func() error { return os.Remove(marker) })
}

// verify reads all files, and returns what they say of themselves.
func verify(ctx context.Context, files []string) ([]*backup.Info, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: name the full backup, and the incremental ones that follow it", storage.ErrInvalid)
	}
	var chain []*backup.Info
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := VerifyBackup(path)
		if err != nil {
			return nil, err
		}
		if format := int(info.Header.GetStoreFormat()); format > kvstore.Format {
			return nil, fmt.Errorf("%s: %w", path, &backup.FormatError{What: "store in the backup", Found: format, Supported: kvstore.Format})
		}
		chain = append(chain, info)
	}
	return chain, backup.CheckChain(chain)
}

// VerifyBackup reads a backup's whole file, and returns what it says of itself.
func VerifyBackup(path string) (*backup.Info, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := backup.Verify(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return info, nil
}

// empty makes the folder, or checks that nothing is in it.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, restoringFile)); err == nil {
		return fmt.Errorf("%s: %w", dir, storage.ErrRestoring)
	}
	for _, entry := range entries {
		if entry.Name() != "lost+found" {
			return fmt.Errorf("%w: the folder %s is not empty, and a restore writes over nothing: name a new one", storage.ErrExists, dir)
		}
	}
	return nil
}

// durably changes what is in a folder and waits until the disk has it.
func durably(dir string, change func() error) error {
	if err := change(); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// fill writes what the files hold.
func fill(ctx context.Context, dir string, options Options, files []string, chain []*backup.Info) (*Restored, error) {
	readers := make([]*backup.Reader, len(files))
	for i, path := range files {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		if readers[i], err = backup.NewReader(file); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	disk := &diskWatch{dir: dir, reserve: options.DiskReserve, free: options.freeBytes}
	settings := databaseOptions(dir, options)
	settings.SyncWrites = false // all of it is synced when it is whole
	db, err := badgerdb.Open(settings)
	if err != nil {
		return nil, openError(dir, err)
	}
	restored, err := load(ctx, db, disk, readers)
	if err == nil {
		err = sameAs(chain, readers)
	}
	if err == nil {
		err = db.Sync()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return restored, nil
}

// load writes every entry under the version that it had, since runs remember commits, and what makes it a store last.
func load(ctx context.Context, db *badgerdb.DB, disk *diskWatch, readers []*backup.Reader) (*Restored, error) {
	loader := db.NewKVLoader(pendingWrites)
	restored, content := &Restored{}, backup.NewContent()
	err := func() error {
		for e, err := range backup.Merge(readers) {
			if err == nil && restored.Keys%checkDiskEvery == 0 {
				err = errors.Join(ctx.Err(), disk.look())
			}
			if err != nil {
				return err
			}
			content.Add(e.Key, e.Value)
			restored.Keys++
			if err := loader.Set(&pb.KV{Key: append([]byte(nil), e.Key...), Value: append([]byte(nil), e.Value...), Version: e.Version}); err != nil {
				return writeError(err)
			}
		}
		restored.Last, restored.Content = readers[len(readers)-1].Info(), content.Sum()
		if want := restored.Last.End.GetContentSha256(); want != "" && want != restored.Content {
			return fmt.Errorf("the content's hash is %s, and the backup says %s: report this, and restore another backup", restored.Content, want)
		}
		key, value := kvstore.FormatEntry(max(1, int(restored.Last.Header.GetStoreFormat())))
		return writeError(loader.Set(&pb.KV{Key: key, Value: value, Version: max(1, restored.Last.Header.GetCommit())}))
	}()
	return restored, errors.Join(err, loader.Finish())
}

// checkDiskEvery is after how many keys a restore looks at the disk.
const checkDiskEvery = 4096

// sameAs checks that the files that were restored are those that were checked before.
func sameAs(chain []*backup.Info, readers []*backup.Reader) error {
	for i, reader := range readers {
		if info := reader.Info(); info == nil || info.ID != chain[i].ID {
			return fmt.Errorf("backup %d of the chain was changed while it was restored: restore again", i+1)
		}
	}
	return nil
}
