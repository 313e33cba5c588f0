package report

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/echelonhq/echelon/storage"
)

// Inspection writes what a store's folder holds and what is wrong with it.
func Inspection(w io.Writer, data string, found *storage.Inspection) error {
	t := newTable("lr", data, "")
	t.add("format", fmt.Sprint(found.Format))
	t.add("commit", fmt.Sprint(found.Commit))
	t.add("customers", Count(found.Customers))
	for _, kind := range slices.Sorted(maps.Keys(found.Documents)) {
		t.add("documents: "+kind.String(), Count(found.Documents[kind]))
	}
	blocks, orphans := int64(0), int64(0)
	for _, snapshot := range found.Snapshots {
		blocks += snapshot.Blocks
		if snapshot.Orphan {
			orphans++
		}
	}
	t.add("snapshots", Count(int64(len(found.Snapshots))))
	t.add("blocks of snapshots", Count(blocks))
	t.add("snapshots that no run owns", Count(orphans))
	t.add("keys and values", bytes(found.Bytes))
	t.add("on the disk", bytes(found.Disk.Used))
	if found.Disk.Known {
		t.add("free on the disk", bytes(found.Disk.Free))
	}
	t.add("damaged", Count(found.DamagedCount))
	t.add("missing", Count(int64(len(found.Missing))))
	t.add("unknown keys", Count(found.Unknown))
	if err := t.write(w); err != nil {
		return err
	}
	for _, line := range findings(found) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// findings are the lines under the table.
func findings(found *storage.Inspection) []string {
	var lines []string
	for _, one := range found.Damaged {
		lines = append(lines, "damaged: "+plain(one))
	}
	if more := found.DamagedCount - int64(len(found.Damaged)); more > 0 {
		lines = append(lines, fmt.Sprintf("damaged: %s more", Count(more)))
	}
	for _, one := range found.Missing {
		lines = append(lines, "missing: "+plain(one))
	}
	for _, snapshot := range found.Snapshots {
		if snapshot.Orphan {
			lines = append(lines, fmt.Sprintf("left behind: the snapshot %q, which the next start removes", snapshot.Name))
		}
	}
	if found.Disk.Err != nil {
		lines = append(lines, "disk: "+found.Disk.Err.Error())
	}
	if found.Content != "" {
		lines = append(lines, "content "+found.Content)
	}
	return lines
}

func bytes(n int64) string { return humanize.IBytes(uint64(max(0, n))) }
