package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	badgerdb "github.com/dgraph-io/badger/v4"
	badgeroptions "github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

// Sizes of the database's memory and files, in bytes.
const (
	// memTableSize is that of a table in memory, of which there are two while customers are imported; a commit may fill 15 % of one.
	memTableSize = 48 << 20
	// valueThreshold is from which size on a value lies in the value log, and only its place in a table: 10,000 rows fit a commit, however long
	// they are, unless their ids have hundreds of bytes throughout; and blocks of snapshots are written once, not again with each compaction.
	valueThreshold = 512
	// valueLogSize is that of one file of the value log.
	valueLogSize   = 64 << 20
	blockCacheSize = 16 << 20
)

// magic marks the database as ours from its first byte, so that another program's is refused before it is touched. It must never change.
const magic = 0xec41

// Names of the database's own files.
const (
	manifestFile    = "MANIFEST"
	newManifestFile = "MANIFEST-REWRITE"
	pidFile         = "LOCK"
)

// Store is an open folder.
type Store struct {
	*kvstore.Store
	db       *badgerdb.DB
	database *database
}

// Open opens the store in a folder, and makes it where there is none or an empty one. The folder must be closed to be opened again.
//
// All tables are read first, half a second a gigabyte where the system has them in memory: what is damaged is refused here and not trusted later. The error is a
// *storage.CorruptError then, a *storage.LockedError where another process has the folder, a *storage.FormatError where it holds something else or a
// newer format, storage.ErrReadOnly where it cannot be written, storage.ErrDiskFull where the disk has less than the reserve.
func Open(dir string, options Options) (*Store, error) {
	options = options.withDefaults()
	if err := prepare(dir); err != nil {
		return nil, openError(dir, err)
	}
	if err := probe(dir); err != nil {
		return nil, openError(dir, err)
	}
	disk := &diskWatch{dir: dir, reserve: options.DiskReserve, free: options.freeBytes}
	if err := disk.look(); err != nil {
		return nil, err
	}
	db, err := openChecked(dir, options)
	if err != nil {
		return nil, openError(dir, err)
	}
	database := newDatabase(db, disk, options)
	store, err := kvstore.Open(database, dir)
	if err != nil {
		return nil, err
	}
	return &Store{Store: store, db: db, database: database}, nil
}

// prepare makes the folder, or checks that what is in it can be ours.
func prepare(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dir, 0o700)
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, restoringFile)); err == nil {
		return fmt.Errorf("%s: %w", dir, storage.ErrRestoring)
	}
	foreign := false
	for _, entry := range entries {
		switch entry.Name() {
		case manifestFile:
			return nil
		case pidFile, newManifestFile, "lost+found":
			// A crash while the folder was new leaves no more than this; a disk of its own begins with the last.
		default:
			foreign = true
		}
	}
	if foreign {
		return &storage.FormatError{Dir: dir, Supported: kvstore.Format}
	}
	return nil
}

// probe writes a file, because the database does not say in its errors what kept it from writing.
func probe(dir string) error {
	file, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

func databaseOptions(dir string, options Options) badgerdb.Options {
	o := badgerdb.DefaultOptions(dir)
	o.SyncWrites = !options.NoSync
	o.DetectConflicts = true
	o.ExternalMagicVersion = magic
	o.Logger = logger{options.Logger}
	o.MetricsEnabled = false
	o.Compression = badgeroptions.None
	o.MemTableSize = memTableSize
	o.NumMemtables = 1
	o.NumCompactors = 2
	o.BlockCacheSize = blockCacheSize
	o.IndexCacheSize = 0 // all indexes stay in memory: about 3 bytes a customer, and a get needs no more than one of them
	o.ValueThreshold = valueThreshold
	o.ValueLogFileSize = valueLogSize
	return o
}

// openChecked opens the database of a folder whose files are whole.
func openChecked(dir string, options Options) (db *badgerdb.DB, err error) {
	if held(dir) {
		return nil, &storage.LockedError{Dir: dir, PID: holder(dir)} // its files are being written
	}
	opened := databaseOptions(dir, options)
	if err := checkFiles(dir, opened); err != nil {
		return nil, err
	}
	defer func() {
		// The database trusts what has no check sum, and stumbles where it is damaged.
		if panicked := recover(); panicked != nil {
			db, err = nil, &storage.CorruptError{What: "a file in the folder " + dir, Err: fmt.Errorf("opening it fails: %.100s", fmt.Sprint(panicked))}
		}
	}()
	return openTwice(opened)
}

// openTwice opens the database. A crash can leave a file that is still empty, on which the first attempt fails and which it mends: the second
// succeeds, with nothing lost.
func openTwice(options badgerdb.Options) (*badgerdb.DB, error) {
	db, err := badgerdb.Open(options)
	if err != nil && strings.Contains(err.Error(), z.NewFile.Error()) {
		db, err = badgerdb.Open(options)
	}
	return db, err
}

// openError tells what kept a folder from being opened, in words for its owner.
func openError(dir string, err error) error {
	var format *storage.FormatError
	var locked *storage.LockedError
	var corrupt *storage.CorruptError
	switch text := err.Error(); {
	case errors.As(err, &format), errors.As(err, &locked), errors.As(err, &corrupt), errors.Is(err, storage.ErrRestoring), errors.Is(err, storage.ErrExists):
		return err
	case strings.Contains(text, "Cannot acquire directory lock"):
		return &storage.LockedError{Dir: dir, PID: holder(dir)}
	case isForeign(err):
		return &storage.FormatError{Dir: dir, Supported: kvstore.Format}
	case isReadOnly(err), says(text, syscall.EACCES, syscall.EPERM, syscall.EROFS):
		return fmt.Errorf("%w: %s: give this user the right to write it, or use another folder (%w)", storage.ErrReadOnly, dir, err)
	case says(text, syscall.ENOSPC, syscall.EDQUOT):
		return fmt.Errorf("%w: %s: free space, or move the folder to a larger disk (%w)", storage.ErrDiskFull, dir, err)
	case !isSystem(err):
		return &storage.CorruptError{What: "the database in the folder " + dir, Err: err}
	}
	return fmt.Errorf("storage: the folder %s cannot be opened: check the path and the disk, or restore a backup: %w", dir, err)
}

// isForeign reports whether the database's own files say that they are of another program.
func isForeign(err error) bool {
	text := err.Error()
	return strings.Contains(text, "manifest has bad magic") || strings.Contains(text, "external magic number doesn't match")
}

// isSystem reports whether an error is of the operating system, rather than of what was read.
func isSystem(err error) bool {
	var path *fs.PathError
	if errors.As(err, &path) {
		return true
	}
	for number := syscall.Errno(1); number <= lastErrno; number++ {
		if says(err.Error(), number) {
			return true
		}
	}
	return false
}

// lastErrno is the last of the numbers of errors that systems have names for.
const lastErrno = 133

// says reports whether a text names one of the system's errors: the database tells of them in its own words, and hands none of them on.
func says(text string, numbers ...syscall.Errno) bool {
	return slices.ContainsFunc(numbers, func(n syscall.Errno) bool { return strings.Contains(text, n.Error()) })
}

func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// holder returns the process that has written the pid file, 0 where that cannot be read.
func holder(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
