package e2e

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/workload"
)

// maxServerMemory is what the server may hold while workload W goes through it.
const maxServerMemory = 600_000_000

// The command line calibrates through a Calibrate stream and assigns through BulkAssign, both in batches of rows. It runs in a process of its own:
// this one, under the race detector, would take many times as long to make a million customers.
func TestOneMillionCustomersOfWorkloadWGoThroughTheServer(t *testing.T) {
	const n = 1_000_000
	ctx := soon(t, 20*time.Minute)
	dir := t.TempDir()
	input, output, model := filepath.Join(dir, "w.csv"), filepath.Join(dir, "out.csv"), filepath.Join(dir, "w.yaml")
	if err := workload.Gen(n).CSV(input); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(model, workload.ModelYAML, 0o600); err != nil {
		t.Fatal(err)
	}
	server := serve(t, "--data", filepath.Join(dir, "data"))
	score := exec.CommandContext(ctx, binary, "score", "--address", server.address, "--model", model, "--input", input, "--id-column", "id",
		"--output", output, "--as-of", "2026-01-31")
	if printed, err := score.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	peak := server.peakMemory()
	sums := checksums(t, output, n)
	if got, want := sums, workload.Million.String(); got != want {
		t.Errorf("the checksums are %s, want %s", got, want)
	}
	t.Logf("checksums %s; the server's peak memory was %d MB", sums, peak/1_000_000)
	if peak > maxServerMemory {
		t.Errorf("the server's memory rose to %d MB, at most %d are allowed", peak/1_000_000, maxServerMemory/1_000_000)
	}
}

// checksums adds up the outcomes that a file has.
func checksums(t *testing.T, file string, n int) string {
	t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	rows := csv.NewReader(opened)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) int { return slices.Index(header, name) }
	segment, tier, persona, score := at("segment.segment"), at("tier.tier"), at("tier.persona"), at("score.score")
	out := workload.NewOut(n)
	for i := 0; ; i++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) && i == n {
			return out.Sums().String()
		}
		if err != nil || i == n {
			t.Fatalf("row %d: %v", i, err)
		}
		out.Seg[i], out.Tier[i], out.Persona[i] = digit(row[segment]), digit(row[tier]), digit(row[persona])
		if out.Score[i], err = strconv.ParseFloat(row[score], 64); err != nil {
			t.Fatal(err)
		}
	}
}

// digit returns the number that W's segments, tiers and personas have as names; none is 0.
func digit(name string) uint8 {
	if name == "" {
		return 0
	}
	return name[0] - '0'
}
