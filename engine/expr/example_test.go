package expr_test

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
)

func Example() {
	env, err := expr.NewEnv([]expr.Variable{{Name: "arr", Kind: expr.Number}, {Name: "region", Kind: expr.String}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, problems := env.Compile("ar > 1000 && regions == 'EMEA'")
	for _, p := range problems {
		fmt.Printf("at %d: %s, %s\n", p.Offset, p.Message, p.Remedy)
	}

	large, _ := env.Compile("arr * 12 > 1000")
	arr := &frame.Column{Numbers: []float64{100, 50, 0}, Valid: frame.NewBitmap(3)}
	arr.Valid.Set(0, true)
	arr.Valid.Set(1, true)
	result := large.Eval(&expr.Scope{Rows: 3, Columns: []*frame.Column{arr, nil}})
	for row := range 3 {
		if !result.Column.Valid.Get(row) {
			fmt.Println(result.Cause(row))
			continue
		}
		fmt.Println(result.Column.Bits.Get(row))
	}
	// Output:
	// at 0: undeclared attribute "ar", did you mean "arr"?
	// at 13: undeclared attribute "regions", did you mean "region"?
	// true
	// false
	// arr is missing
}
