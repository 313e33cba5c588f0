package main

import (
	"io"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// frameFile is a file of customers or outcomes that is being written.
type frameFile interface {
	Write(*frame.Frame) error
	Flush() error
}

// newOutcomeFile begins a file of outcomes of a schema, in the format that its name says.
func newOutcomeFile(path string, to io.Writer, schema *frame.Schema, idColumn string) (frameFile, error) {
	format, err := tabular.ParseFormat("", path)
	if err != nil {
		return nil, err
	}
	if format.HasTypes() {
		return tabular.NewFrameWriter(to, format, schema, idColumn)
	}
	return tabular.NewOutcomeWriter(to, schema, idColumn)
}

// checkOutput finds a name whose ending cannot be written.
func checkOutput(path string) error {
	format, err := tabular.ParseFormat("", path)
	if err != nil {
		return err
	}
	lower := strings.ToLower(path)
	if packed := strings.HasSuffix(lower, ".gz") || strings.HasSuffix(lower, ".zst"); packed && format == tabular.Parquet {
		return usagef("--output: a Parquet file is compressed in itself: leave the ending of %s out", path)
	}
	return nil
}

// customerFile is a file of customers that is being written.
type customerFile interface {
	frameFile
	// Emptied returns how many empty texts and lists read back as missing.
	Emptied() int
}

// newCustomerFile begins a file of the format that its name says, of frames of the CustomerSchema.
func newCustomerFile(path string, to io.Writer, idColumn string, attributes []*echelonv1.Attribute) (customerFile, error) {
	format, err := tabular.ParseFormat("", path)
	if err != nil {
		return nil, err
	}
	if format.HasTypes() {
		return tabular.NewTypedCustomerWriter(to, format, idColumn, attributes)
	}
	return tabular.NewCustomerWriter(to, idColumn, attributes)
}
