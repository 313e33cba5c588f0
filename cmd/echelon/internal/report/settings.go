package report

import "io"

// Settings writes the settings of a configuration: key, value and source of each.
func Settings(w io.Writer, rows [][]string) error {
	t := newTable("lll", "setting", "value", "source")
	for _, row := range rows {
		t.add(orNone(row[0]), orNone(row[1]), row[2])
	}
	return t.write(w)
}
