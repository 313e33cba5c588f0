package tabular

import (
	"io"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// RateTable is a file of exchange rates.
type RateTable struct {
	// Rates are its rows, in order.
	Rates []*echelonv1.ExchangeRate
	// Lines are where they begin, from 1.
	Lines []int
	// Refused are the rows that cannot be read; with one the table is not to be used.
	Refused []Refusal
}

// rateColumns are the columns of such a file; others are ignored.
var rateColumns = []*echelonv1.Attribute{
	{Name: "currency", Type: echelonv1.Attribute_STRING, Required: true},
	{Name: "date", Type: echelonv1.Attribute_DATE, Required: true},
	{Name: "rate", Type: echelonv1.Attribute_NUMBER, Required: true},
}

// ReadRates reads a file of exchange rates: its columns currency, date (YYYY-MM-DD) and rate. Whether there are such currencies and rates is for the
// model that they are given to. It fails with an *Error where the columns are not there, and with the error of in.
func ReadRates(in io.Reader, options RowOptions) (*RateTable, error) {
	reader, err := NewReader(in, Options{
		File: options.File, Format: options.Format, Delimiter: options.Delimiter, RowIDs: true, Attributes: rateColumns,
	})
	if err != nil {
		return nil, err
	}
	table := &RateTable{}
	for batch, err := range reader.Batches(BatchRows) {
		if err != nil {
			return nil, err
		}
		table.Refused = append(table.Refused, batch.Refused...)
		columns := batch.Frame.Columns
		for row, line := range batch.Lines {
			table.Lines = append(table.Lines, line)
			table.Rates = append(table.Rates, &echelonv1.ExchangeRate{
				Currency: columns[0].String(row), Date: frame.FormatDate(columns[1].Ints[row]), Rate: columns[2].Numbers[row],
			})
		}
	}
	return table, nil
}
