package tabular

import (
	"encoding/csv"
	"io"
	"strconv"
)

// RefusalWriter writes refused rows as a CSV file.
type RefusalWriter struct{ csv *csv.Writer }

// NewRefusalWriter writes the header. It fails with the error of out.
func NewRefusalWriter(out io.Writer) (*RefusalWriter, error) {
	w := &RefusalWriter{csv.NewWriter(out)}
	return w, w.csv.Write([]string{"line", "customer_id", "column", "value", "code", "message"})
}

// Write writes a refused row. It fails with the error of out.
func (w *RefusalWriter) Write(r Refusal) error {
	return w.csv.Write([]string{strconv.Itoa(r.Line), r.CustomerID, r.Column, r.Value, r.Code, r.Message})
}

// Flush writes what is held back. It fails with the first error of out.
func (w *RefusalWriter) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
