// Command bench measures Echelon beside other ways of doing the same work, in one run: interleaved, several rounds, medians of the ratios of a round. It
// prints a table and then a line for each figure, `ratio <name> <value> >= <target>`. It fails where results differ, and not where a figure is missed:
// machines differ.
//
// Servers are processes of their own: the echelon binary, or this one again where the server is a peer.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/internal/workload"
)

// figure is a ratio, or another number, that was measured, and what it should be.
type figure struct {
	name     string
	value    float64
	relation string
	target   float64
}

func (f figure) String() string {
	return fmt.Sprintf("ratio %s %.3g %s %v", f.name, f.value, f.relation, f.target)
}

// part is what is measured together.
type part struct {
	name    string
	figures []string
	// long tells that it takes minutes: it is left out where there is little time.
	long bool
	run  func(*bench) ([]figure, error)
}

var parts = []part{
	{name: "engine", figures: []string{"engine_vs_hand", "engine_vs_duckdb", "engine_vs_celgo", "engine_scaling"}, run: engineFigures},
	{name: "second", run: secondModel},
	{name: "arrow", figures: []string{"bulk_arrow_vs_echo"}, run: arrowFigures},
	{name: "rows", figures: []string{"bulk_rows_vs_unmarshal"}, run: rowsFigures},
	{name: "run", figures: []string{"run_vs_duckdb", "publish_vs_run", "migration_matrix_1m", "compare_runs_1m"}, run: runFigures},
	{name: "import", figures: []string{"import_vs_badger"}, run: importFigures},
	{name: "unary", figures: []string{"unary_p50_vs_empty"}, run: unaryFigures},
	{name: "ten", figures: []string{"stream_flat_10m", "memory_10m"}, long: true, run: tenMillionFigures},
}

// bench is what the parts have in common.
type bench struct {
	quick bool
	// echelon is the path of the binary, and folder where everything is that is written to a disk.
	echelon, folder string
	w               *workload.Cols
	wModel          *wModel
	wOut            *workload.Out
}

// customers are those of W, drawn once.
func (b *bench) customers() *workload.Cols {
	if b.w == nil {
		b.w = workload.Gen(million)
	}
	return b.w
}

// model is W's, bound to what it learns from them.
func (b *bench) model() (_ *wModel, err error) {
	if b.wModel == nil {
		b.wModel, err = newWModel(b.customers())
	}
	return b.wModel, err
}

// wanted is what Fused says of them.
func (b *bench) wanted() *workload.Out {
	if b.wOut == nil {
		b.wOut = fused(b.customers(), million)
	}
	return b.wOut
}

const million = 1_000_000

// choose returns the one for a short run or that for a whole one.
func (b *bench) choose(short, whole int) int {
	if b.quick {
		return short
	}
	return whole
}

func main() {
	if len(os.Args) == 2 {
		if serve, ok := peers[os.Args[1]]; ok {
			exit(serve())
			return
		}
	}
	b := &bench{}
	only := flag.String("only", "", "measure one part, or the part of one figure: "+strings.Join(names(), ", "))
	flag.BoolVar(&b.quick, "quick", false, "fewer customers and rounds, and without the ten million")
	flag.StringVar(&b.echelon, "echelon", "../bin/echelon", "the echelon binary whose server is measured")
	flag.Parse()
	exit(b.measure(*only))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// names are those of all parts and figures.
func names() []string {
	var list []string
	for _, p := range parts {
		list = append(append(list, p.name), p.figures...)
	}
	return list
}

// measure measures the parts, or the one that is meant by a name.
func (b *bench) measure(only string) (err error) {
	if only != "" && !slices.Contains(names(), only) {
		return fmt.Errorf("there is no figure %q; there are %s", only, strings.Join(names(), ", "))
	}
	if b.folder, err = os.MkdirTemp("", "echelon-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.folder)) }()
	var figures []figure
	for _, p := range parts {
		named := only == p.name || slices.Contains(p.figures, only)
		if only != "" && !named || p.long && b.quick && !named {
			continue
		}
		fmt.Println(p.name)
		measured, err := p.run(b)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		figures = append(figures, measured...)
	}
	fmt.Println()
	for _, f := range figures {
		fmt.Println(f)
	}
	return nil
}
