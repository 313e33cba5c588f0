package workload_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/internal/workload"
)

var million = sync.OnceValue(func() *workload.Cols { return workload.Gen(1_000_000) })

func TestTheHandWrittenLoopArrivesAtTheChecksums(t *testing.T) {
	cols := million()
	out := workload.NewOut(cols.N)
	workload.Fused(cols, out, 0, cols.N)
	if got, want := out.Sums().String(), workload.Million.String(); got != want {
		t.Errorf("W sums to %s, want %s", got, want)
	}
}

// The breakpoints wanted are those that the SQL form of W spells out.
func TestTheBreakpointsOfAMillionAreTheKnownOnes(t *testing.T) {
	bp := million().BP
	for k, want := range map[int]float64{
		0: 0.281, 1: 5.342, 25: 27.823, 26: 28.7, 49: 53.174, 50: 54.515, 51: 55.899, 75: 107.168, 99: 556.972, 100: 4656.012,
	} {
		if bp[k] != want {
			t.Errorf("breakpoint %d is %v, want %v", k, bp[k], want)
		}
	}
}

func TestABreakpointHasAsManyValuesBelowItAsItsRankSays(t *testing.T) {
	for _, n := range []int{1, 2, 7, 100, 101, 1000} {
		cols := workload.Gen(n)
		for k, u := range cols.BP {
			below, upTo, readable := 0, 0, 0
			for _, x := range cols.F[workload.USAGE] {
				if x < u {
					below++
				}
				if x <= u {
					upTo++
				}
				if !math.IsNaN(x) {
					readable++
				}
			}
			if at := k * (readable - 1) / 100; at < below || at >= upTo {
				t.Errorf("of %d: breakpoint %d is %v, with %d values below it and %d up to it, want place %d between", n, k, u, below, upTo, at)
			}
		}
	}
}

func TestNobodyHasNoBreakpoints(t *testing.T) {
	if bp := workload.Gen(0).BP; bp != [101]float64{} {
		t.Errorf("breakpoints of no customers are %v, want zeros", bp)
	}
}

func TestTheFirstRowsAreTheSameForEveryLength(t *testing.T) {
	few, many := workload.Gen(50), workload.Gen(500)
	for i := range few.N {
		want, got := workload.Customer(many, i), workload.Customer(few, i)
		if diff := cmp.Diff(want.Attributes.AsMap(), got.Attributes.AsMap()); diff != "" || want.Id != got.Id {
			t.Fatalf("row %d (-of 500 +of 50):\n%s", i, diff)
		}
	}
}

func TestACustomerHasEachValueAndNoNull(t *testing.T) {
	cols := workload.Gen(1000)
	nulls := 0
	for i := range cols.N {
		want := map[string]any{workload.BName: cols.B[i]}
		for k, name := range workload.FNames {
			if x := cols.F[k][i]; !math.IsNaN(x) {
				want[name] = x
			}
		}
		for k, name := range workload.INames {
			if x := cols.I[k][i]; x != workload.NullI {
				want[name] = float64(x)
			}
		}
		for k, name := range workload.SNames {
			want[name] = cols.Dict[k][cols.S[k][i]]
		}
		nulls += 16 - len(want)
		customer := workload.Customer(cols, i)
		if diff := cmp.Diff(want, customer.Attributes.AsMap()); diff != "" || customer.Id != cols.ID[i] {
			t.Fatalf("row %d, %s (-want +got):\n%s", i, customer.Id, diff)
		}
	}
	if share := float64(nulls) / 10_000; share < 0.04 || share > 0.06 {
		t.Errorf("%.3f of the nullable values are null, want about 0.05", share)
	}
}

func TestTheFileReadsBackAsTheColumns(t *testing.T) {
	cols := workload.Gen(300)
	var file bytes.Buffer
	if err := cols.WriteCSV(&file); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	names := append(append(append(append([]string{"id"}, workload.FNames...), workload.INames...), workload.SNames...), workload.BName)
	if diff := cmp.Diff(names, records[0]); diff != "" {
		t.Fatalf("header (-want +got):\n%s", diff)
	}
	if len(records) != cols.N+1 {
		t.Fatalf("%d lines, want %d", len(records), cols.N+1)
	}
	for i, record := range records[1:] {
		got := map[string]any{}
		for k, cell := range record[1:] {
			if cell != "" {
				got[names[k+1]] = parse(t, k, cell)
			}
		}
		if diff := cmp.Diff(workload.Customer(cols, i).Attributes.AsMap(), got); diff != "" || record[0] != cols.ID[i] {
			t.Fatalf("line %d (-want +got):\n%s", i+2, diff)
		}
	}
}

// parse reads the cell of the attribute k, in the order of the file.
func parse(t *testing.T, k int, cell string) any {
	t.Helper()
	numbers := len(workload.FNames) + len(workload.INames)
	switch {
	case k < numbers:
		x, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			t.Fatal(err)
		}
		return x
	case k < numbers+len(workload.SNames):
		return cell
	}
	b, err := strconv.ParseBool(cell)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type fullDisk struct{ free int }

var errFull = errors.New("disk full")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.free -= len(b); d.free < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestAFailedWriteIsNotLost(t *testing.T) {
	cols := workload.Gen(20_000)
	for _, free := range []int{0, 1 << 20} {
		if err := cols.WriteCSV(&fullDisk{free}); !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes the error is %v, want %v", free, err, errFull)
		}
	}
	if err := cols.CSV(filepath.Join(t.TempDir(), "no such folder", "w.csv")); err == nil {
		t.Error("a file in a folder that does not exist was written")
	}
}

func TestAnOutcomeDoesNotDependOnHowRowsAreSplit(t *testing.T) {
	cols := workload.Gen(10_000)
	whole, parts := workload.NewOut(cols.N), workload.NewOut(cols.N)
	workload.Fused(cols, whole, 0, cols.N)
	for from := 0; from < cols.N; from += 777 {
		workload.Fused(cols, parts, from, min(from+777, cols.N))
	}
	if diff := cmp.Diff(whole, parts); diff != "" {
		t.Errorf("(-whole +parts):\n%s", diff)
	}
}
