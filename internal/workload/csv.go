package workload

import (
	"bufio"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
)

// CSV writes the customers to a file: a header, then a line each. A null is an empty cell.
func (c *Cols) CSV(path string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return c.WriteCSV(file)
}

// WriteCSV writes what CSV does, to w. Its error is that of w.
func (c *Cols) WriteCSV(w io.Writer) error {
	// A bufio.Writer keeps its first error and returns it from Flush, so the writes before need no look of their own.
	out := bufio.NewWriterSize(w, 1<<20)
	_, _ = out.WriteString("id")
	for _, names := range [][]string{FNames, INames, SNames, {BName}} {
		for _, name := range names {
			_, _ = out.WriteString("," + name)
		}
	}
	_ = out.WriteByte('\n')
	var line []byte
	for i := range c.N {
		line = c.appendLine(line[:0], i)
		_, _ = out.Write(line)
	}
	return out.Flush()
}

func (c *Cols) appendLine(line []byte, i int) []byte {
	line = append(line, c.ID[i]...)
	for k := range c.F {
		line = append(line, ',')
		if x := c.F[k][i]; !math.IsNaN(x) {
			line = strconv.AppendFloat(line, x, 'f', -1, 64)
		}
	}
	for k := range c.I {
		line = append(line, ',')
		if x := c.I[k][i]; x != NullI {
			line = strconv.AppendInt(line, x, 10)
		}
	}
	for k := range c.Str {
		line = append(line, ',')
		line = append(line, c.Str[k][i]...)
	}
	line = append(line, ',')
	line = strconv.AppendBool(line, c.B[i])
	return append(line, '\n')
}
