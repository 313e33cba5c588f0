package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrBackupBase means that a backup cannot be the base of another one: it is of another store, or of a copy of this one that went its own way.
var ErrBackupBase = errors.New("storage: the base is no backup of this store's history; take a full backup")

// ErrRestoring means that a folder holds a restore that did not come to its end.
var ErrRestoring = errors.New("storage: a restore into the folder was interrupted, and what is there is no store; empty the folder and restore again")

// Backuper is a Store that can be backed up while it is used.
type Backuper interface {
	// Backup writes all that the store has at its newest commit, as package backup lays it out: everything where base is nil, else what was written
	// since the base, and the names of the rest. at is when it was begun. ErrBackupBase where the base is of another history; a *CorruptError where
	// something stored is damaged.
	Backup(ctx context.Context, base *BackupBase, at time.Time, to io.Writer) error
}

// BackupBase is the backup that an incremental one follows, as its file says.
type BackupBase struct {
	// ID is its id.
	ID string
	// History is the span of the store's history that it is of.
	History string
	// Commit is the newest commit in it.
	Commit Commit
}

// Disk is a Store that knows the disk that it is on.
type Disk interface {
	// DiskState returns how it is with the disk.
	DiskState() DiskState
}

// DiskState is how it is with a store's disk. Sizes are in bytes.
type DiskState struct {
	// Known tells whether the system says how much is free.
	Known bool
	// Free is how much is free, Reserve how much of that is not used.
	Free, Reserve int64
	// Used is how much the store has on the disk.
	Used int64
	// Err is why nothing can be written, such as ErrDiskFull; nil where it can.
	Err error
}

// Inspection is what a store holds, and what is wrong with it.
type Inspection struct {
	// Format is the store's format.
	Format int
	// Commit is the newest commit, as a backup of the same content has it.
	Commit Commit
	// Customers is how many customers there are.
	Customers int64
	// Documents counts the documents of each kind.
	Documents map[Kind]int64
	// Snapshots are the snapshots, by name.
	Snapshots []SnapshotInspection
	// Bytes are those of all keys and values.
	Bytes int64
	// Damaged names what is damaged, at most MaxDamaged of DamagedCount.
	Damaged      []string
	DamagedCount int64
	// Missing names what should be there and is not, such as the snapshot of a run that is published.
	Missing []string
	// Unknown counts keys that this program knows nothing of.
	Unknown int64
	// Content is the hash of all keys and values, as a full backup has it; empty where something is damaged.
	Content string
	// Disk is how it is with the disk.
	Disk DiskState
}

// MaxDamaged is how many damaged things an inspection names.
const MaxDamaged = 100

// SnapshotInspection is one snapshot.
type SnapshotInspection struct {
	// Name is its name: the id of its run.
	Name string
	// Blocks is how many blocks it has, Bytes how long they are.
	Blocks, Bytes int64
	// Orphan means that no run owns it: a crash left it behind, and the next start of the server removes it.
	Orphan bool
}
