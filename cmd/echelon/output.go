package main

import (
	"bufio"
	"errors"
	"io"

	"github.com/echelonhq/echelon/cmd/echelon/internal/outfile"
	"github.com/echelonhq/echelon/internal/tabular"
)

// output is a file that is being written, there whole after Commit or not at all; the standard output is written as it comes.
type output struct {
	io.WriteCloser
	// file is nil for the standard output, which has through.
	file    *outfile.File
	through *bufio.Writer
}

// createOutput begins to write a file, compressed by the ending of its name; "-" is the standard output.
func (c *cli) createOutput(path string) (*output, error) {
	if path == stdio {
		to := c.results
		if to == nil {
			to = c.stdout
		}
		through := bufio.NewWriter(to)
		plain, err := tabular.Compress(path, through)
		return &output{WriteCloser: plain, through: through}, err
	}
	file, err := outfile.Create(path)
	if err != nil {
		return nil, err
	}
	packed, err := tabular.Compress(path, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &output{WriteCloser: packed, file: file}, nil
}

// Commit puts what was written into its place.
func (o *output) Commit() error {
	if err := o.WriteCloser.Close(); err != nil {
		return errors.Join(err, o.Close())
	}
	if o.file == nil {
		return o.through.Flush()
	}
	return o.file.Commit()
}

// Close discards what was written, unless it was committed.
func (o *output) Close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// rejects writes refused rows as they come; it does nothing where nobody asked for them.
type rejects struct {
	out    *output
	writer *tabular.RefusalWriter
}

func (c *cli) createRejects(path string) (*rejects, error) {
	if path == "" {
		return &rejects{}, nil
	}
	out, err := c.createOutput(path)
	if err != nil {
		return nil, err
	}
	writer, err := tabular.NewRefusalWriter(out)
	return &rejects{out, writer}, err
}

func (r *rejects) write(rows ...tabular.Refusal) error {
	if r.out == nil {
		return nil
	}
	for _, row := range rows {
		if err := r.writer.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func (r *rejects) commit() error {
	if r.out == nil {
		return nil
	}
	if err := r.writer.Flush(); err != nil {
		return err
	}
	return r.out.Commit()
}

// discard forgets what was written, unless it was committed.
func (r *rejects) discard() error {
	if r.out == nil {
		return nil
	}
	return r.out.Close()
}
