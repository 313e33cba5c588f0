package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// stdio is the name of the standard input as an input, and of the standard output as an output.
const stdio = "-"

// fileOptions are the flags that say what file is read, and how its rows are told apart.
type fileOptions struct{ input, format, delimiter, encoding string }

func (o *fileOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.input, "input", "", "the file to read customers from: CSV, JSON lines, Parquet or Arrow, compressed where its name ends in .gz or .zst; - is the standard input")
	o.formFlags(cmd)
	require(cmd, "input")
}

// formFlags adds the flags that say how the file is read.
func (o *fileOptions) formFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.format, "format", "", "how the file holds rows: csv, jsonl, parquet or arrow; what its name ends in where it is not given (.jsonl, .ndjson, .parquet, .arrow, .arrows, .feather, .ipc), or else csv")
	flags.StringVar(&o.delimiter, "delimiter", "", "what separates the cells of CSV: comma, semicolon, tab, pipe or a character; found from the header where it is not given")
	flags.StringVar(&o.encoding, "encoding", "", "how the file writes text: utf-8 where it is not given, or windows-1252; UTF-16 is known by its mark")
}

// rows returns the options by which the file's rows are read.
func (o fileOptions) rows() (tabular.RowOptions, error) {
	format, err := tabular.ParseFormat(o.format, o.input)
	if err != nil {
		return tabular.RowOptions{}, usagef("--format: %w", err)
	}
	delimiter, err := tabular.ParseDelimiter(o.delimiter)
	if err != nil {
		return tabular.RowOptions{}, usagef("--delimiter: %w", err)
	}
	if delimiter != 0 && format != tabular.CSV {
		return tabular.RowOptions{}, usagef("--delimiter is for CSV, and the input is none: leave it out")
	}
	if o.encoding != "" && format.HasTypes() {
		return tabular.RowOptions{}, usagef("--encoding is for files of text, and the input is none: leave it out")
	}
	encoding, err := tabular.ParseEncoding(o.encoding)
	if err != nil {
		return tabular.RowOptions{}, usagef("--encoding: %w", err)
	}
	return tabular.RowOptions{File: o.name(), Format: format, Delimiter: delimiter, Encoding: encoding}, nil
}

// given returns the flags that say how the file is read, each after a blank, for a command to copy.
func (o fileOptions) given() string {
	text := ""
	for _, flag := range [][2]string{{"format", o.format}, {"delimiter", o.delimiter}, {"encoding", o.encoding}} {
		if flag[1] != "" {
			text += fmt.Sprintf(" --%s %q", flag[0], flag[1])
		}
	}
	return text
}

// name returns what the input is called in messages.
func (o fileOptions) name() string {
	if o.input == stdio {
		return "standard input"
	}
	return o.input
}

// open opens the input, decompressed.
func (o fileOptions) open() (io.ReadCloser, error) {
	if o.input == stdio {
		return io.NopCloser(os.Stdin), nil
	}
	file, err := os.Open(o.input)
	if err != nil {
		return nil, err
	}
	if !tabular.Compressed(o.input) {
		return file, nil
	}
	plain, err := tabular.Decompress(o.input, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &opened{plain, file}, nil
}

// opened is a file that is decompressed as it is read.
type opened struct {
	io.ReadCloser
	file *os.File
}

// Close implements io.Closer.
func (o *opened) Close() error { return errors.Join(o.ReadCloser.Close(), o.file.Close()) }

// inputOptions are the flags of commands that read customers.
type inputOptions struct {
	fileOptions
	idColumn, rejects            string
	rowIDs, allowMissing, strict bool
}

func (o *inputOptions) flags(cmd *cobra.Command) {
	o.fileOptions.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.idColumn, "id-column", "", "the column of the file that has the customers' ids")
	flags.BoolVar(&o.rowIDs, "row-ids", false, "number the rows from 1 instead, for a file that has no ids")
	flags.BoolVar(&o.allowMissing, "allow-missing-columns", false, "take attributes whose column the file lacks as missing")
	flags.StringVar(&o.rejects, "rejects", "", "the CSV file to write the refused rows to")
	flags.BoolVar(&o.strict, "strict", false, "stop at the first row that is refused, and write nothing")
	cmd.MarkFlagsOneRequired("id-column", "row-ids")
	cmd.MarkFlagsMutuallyExclusive("id-column", "row-ids")
}

// check finds what is wrong with the flags together.
func (o inputOptions) check() error {
	if sameFile(o.rejects, o.input) {
		return usagef("--rejects names a file that is read, %s: give it another name", o.rejects)
	}
	_, err := o.rows()
	return err
}

// idName returns what the column of ids is called in an output.
func (o inputOptions) idName() string {
	if o.rowIDs {
		return tabular.RowColumn
	}
	return o.idColumn
}

// openCustomers opens the input and says how its cells are separated where that is not by commas, since it was found, not given.
func (c *cli) openCustomers(o inputOptions, attributes []*echelonv1.Attribute) (*tabular.Reader, io.Closer, error) {
	rows, err := o.rows()
	if err != nil {
		return nil, nil, err
	}
	file, err := o.open()
	if err != nil {
		return nil, nil, err
	}
	reader, err := tabular.NewReader(file, tabular.Options{
		File: rows.File, Format: rows.Format, Delimiter: rows.Delimiter, Encoding: rows.Encoding, IDColumn: o.idName(), RowIDs: o.rowIDs,
		Attributes: attributes, AllowMissingColumns: o.allowMissing,
	})
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	if o.delimiter == "" {
		c.tellDelimiter(rows.File, reader.Delimiter())
	}
	return reader, file, nil
}

// tellDelimiter says what was found to separate the cells of a file, where it is no comma.
func (c *cli) tellDelimiter(file string, delimiter rune) {
	if delimiter != 0 && delimiter != ',' {
		c.advise("%s: its cells are separated by a %s, as its header shows; --delimiter says another one", file, tabular.DelimiterName(delimiter))
	}
}
