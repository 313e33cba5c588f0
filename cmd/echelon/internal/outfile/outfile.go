package outfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const bufferBytes = 1 << 16

// File is a file that is being written. Write to it, and then call Commit; Close without Commit discards what was written.
type File struct {
	*bufio.Writer
	file *os.File
	// place is where the file is to be; empty where it is written there at once, since it is a device or a pipe.
	place string
	done  bool
}

// Create begins to write the file at path. A symbolic link is followed; a device or a pipe, such as /dev/stdout, is written directly.
func Create(path string) (*File, error) {
	place, mode := path, fs.FileMode(0)
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		place = resolved
	}
	if info, err := os.Stat(place); err == nil {
		if info.IsDir() {
			return nil, fmt.Errorf("%s is a folder: name a file", path)
		}
		if !info.Mode().IsRegular() {
			return open(path, "", os.O_WRONLY)
		}
		mode = info.Mode().Perm()
	}
	f, err := open(temporary(place), place, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w: name a file in a folder that is there and can be written", path, cause(err))
	}
	if mode == 0 {
		return f, nil
	}
	if err := f.file.Chmod(mode); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// cause is an error without the name of the temporary file, which says nothing to who named another.
func cause(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// temporary names the file while it is written: hidden, and another one for each process.
func temporary(place string) string {
	return filepath.Join(filepath.Dir(place), fmt.Sprintf(".%s.%d.tmp", filepath.Base(place), os.Getpid()))
}

func open(path, place string, flags int) (*File, error) {
	file, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return nil, err
	}
	return &File{Writer: bufio.NewWriterSize(file, bufferBytes), file: file, place: place}, nil
}

// Commit puts the file into its place.
func (f *File) Commit() error {
	f.done = true
	err := f.Flush()
	if f.place == "" {
		return errors.Join(err, f.file.Close())
	}
	if err == nil {
		err = f.file.Sync()
	}
	if err = errors.Join(err, f.file.Close()); err == nil {
		err = os.Rename(f.file.Name(), f.place)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.file.Name()))
	}
	return nil
}

// Close discards what was written, unless it was committed. It may be called several times.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	err := f.file.Close()
	if f.place != "" {
		err = errors.Join(err, os.Remove(f.file.Name()))
	}
	return err
}
