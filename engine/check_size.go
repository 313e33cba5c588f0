package engine

import (
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// How large a model may be: it is compiled for whoever sends it, which takes a thousand times the time and memory that reading it does.
const (
	maxModelBytes      = 4 << 20
	maxExpressionBytes = 256 << 10
	maxExpressions     = 5000
)

// fits reports whether a model is small enough to be looked at, and finds a mistake where it is not.
func fits(model *echelonv1.Model, found *diag.List) bool {
	n := proto.Size(model)
	if n > maxModelBytes {
		found.Mistakef("", "move long lists of values into attributes", "the model has %d bytes, at most %d are allowed", n, maxModelBytes)
	}
	return n <= maxModelBytes
}

// fitTogether reports whether all expressions of a model together are small enough to be compiled, and finds a mistake at the place from which
// on they are not.
func fitTogether(all []written, found *diag.List) bool {
	count, bytes := 0, 0
	for _, one := range all {
		for _, text := range one.texts {
			count++
			bytes += len(text)
		}
		switch {
		case count > maxExpressions:
			found.Mistakef(one.path, "split the model", "up to here the model has %d expressions, at most %d are allowed", count, maxExpressions)
			return false
		case bytes > maxExpressionBytes:
			found.Mistakef(one.path, "compute in derived attributes what expressions have in common, or split the model",
				"up to here the model's expressions have %d bytes, at most %d are allowed", bytes, maxExpressionBytes)
			return false
		}
	}
	return true
}
