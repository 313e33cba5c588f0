package storage

import (
	"errors"
	"fmt"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Errors of a store, to be found with errors.Is.
var (
	// ErrNotFound means that there is no such thing.
	ErrNotFound = errors.New("storage: not found")
	// ErrExists means that there is one already.
	ErrExists = errors.New("storage: it exists already; delete it first, or take another name")
	// ErrConflict means that others changed again and again what an Update had read.
	ErrConflict = errors.New("storage: others kept changing the same thing at the same time; nothing was written: try again")
	// ErrClosed means that the store, or the reader, is closed.
	ErrClosed = errors.New("storage: closed; open it again")
	// ErrTooLarge means that an Update wrote more than fits one commit.
	ErrTooLarge = errors.New("storage: more than fits one commit; nothing was written: write fewer or smaller customers at a time")
	// ErrInvalid means that a caller broke a rule of the interface, such as an empty id.
	ErrInvalid = errors.New("storage: invalid argument")
	// ErrDiskFull means that the disk has less space than the reserve.
	ErrDiskFull = errors.New("storage: the disk is full")
	// ErrReadOnly means that the store's folder cannot be written.
	ErrReadOnly = errors.New("storage: the folder cannot be written")
)

// LockedError means that another process holds the store's folder.
type LockedError struct {
	// Dir is the folder.
	Dir string
	// PID is the process that holds it; 0 where it is not known.
	PID int
}

// Error names the folder and who holds it.
func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("another process (pid %d)", e.PID)
	}
	return fmt.Sprintf("storage: %s holds the folder %s: stop it, or use another folder", holder, e.Dir)
}

// FormatError means that a folder is no store, or one of a newer format than this program knows.
type FormatError struct {
	// Dir is the folder.
	Dir string
	// Found is the format that it has; 0 where it is no store of Echelon.
	Found int
	// Supported is the newest format that this program knows.
	Supported int
}

// Error says what was found and what to do.
func (e *FormatError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("storage: the folder %s holds files that are no Echelon store, and they are left alone: use an empty folder, or one that "+
			"Echelon made", e.Dir)
	}
	return fmt.Sprintf("storage: the folder %s has format %d, and this program knows formats up to %d: use the program's version that wrote it, "+
		"or a newer one", e.Dir, e.Found, e.Supported)
}

// SchemaConflictError means that attributes do not fit the store's schema. It names all of them.
type SchemaConflictError struct {
	// Conflicts are the attributes, in the order in which they were given.
	Conflicts []SchemaConflict
}

// SchemaConflict is one attribute that does not fit.
type SchemaConflict struct {
	// Name is the attribute's name.
	Name string
	// Stored is its type in the schema; UNSPECIFIED where the schema lacks it.
	Stored echelonv1.Attribute_Type
	// Given is the type that it was given.
	Given echelonv1.Attribute_Type
	// Renamed is what an attribute is called now that had the name before; empty where the name is the one that it has.
	Renamed string
	// Retired tells whether the attribute was retired.
	Retired bool
	// Taken tells whether the name was to be given to an attribute, and is another's.
	Taken bool
}

// String says what does not fit.
func (c SchemaConflict) String() string {
	switch {
	case c.Stored == echelonv1.Attribute_UNSPECIFIED:
		return fmt.Sprintf("%s is not in it", c.Name)
	case c.Taken:
		return fmt.Sprintf("%s is a name that another attribute has or had", c.Name)
	case c.Retired:
		return fmt.Sprintf("%s was retired, and its name is never used again", c.Name)
	case c.Renamed != "":
		return fmt.Sprintf("%s was renamed %s", c.Name, c.Renamed)
	}
	return fmt.Sprintf("%s is %s in it, not %s", c.Name, c.Stored, c.Given)
}

// Error names all attributes that do not fit.
func (e *SchemaConflictError) Error() string {
	parts := make([]string, len(e.Conflicts))
	for i, conflict := range e.Conflicts {
		parts[i] = conflict.String()
	}
	return "storage: attributes do not fit the store's schema: " + strings.Join(parts, "; ") +
		": give another type another name, use the names that attributes have now, and create a model that declares what is missing"
}

// CorruptError means that something stored is damaged.
type CorruptError struct {
	// What is damaged, such as `customer "acme"`.
	What string
	// Err is what was found.
	Err error
}

// Error names what is damaged.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("storage: %s is damaged on disk (%v): check the disk and restore a backup, or write it again", e.What, e.Err)
}

// Unwrap returns what was found.
func (e *CorruptError) Unwrap() error { return e.Err }
