package modelfile_test

import (
	"fmt"
	"os"

	"github.com/echelonhq/echelon/engine/modelfile"
)

func ExampleParse() {
	model, source, findings := modelfile.Parse("model.yaml", []byte("name: b2b\namount: \"arr + emplyees\"\nscore: []\n"))

	// What a compiler finds in the model gets its place by path and offset.
	findings.MistakeAtf("amount", 6, `did you mean "employees"?`, "undeclared attribute %q", "emplyees")
	all := source.Locate(findings)

	fmt.Println(model.GetName())
	if err := all.Format(os.Stdout, 10); err != nil {
		fmt.Println(err)
	}
	// Output:
	// b2b
	// model.yaml:2:16: amount: undeclared attribute "emplyees" (did you mean "employees"?)
	//   2 | amount: "arr + emplyees"
	//     |                ^
	// model.yaml:3:1: unknown field "score" (did you mean "scores"?)
	//   3 | score: []
	//     | ^
}
