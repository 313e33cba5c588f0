package scoring

import (
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Common is what criteria of several scores read alike, of one batch: it is computed once.
type Common struct{ parts []*part }

// Share finds the criteria that read the same and learn nothing, and returns how many different ones there are; see NewCommon. Models often put one
// attribute into a score, and again into another that stands on the axis of a matrix.
func Share(scores []*Score) int {
	type reading struct {
		expr   string
		invert bool
		how    string
	}
	first, shared := make(map[reading]*criterion), 0
	for _, s := range scores {
		for i := range s.criteria {
			c := &s.criteria[i]
			if c.learns {
				continue
			}
			key := reading{c.expr.Text(), c.invert, form(c.declared)}
			other, known := first[key]
			switch {
			case !known:
				first[key] = c
				continue
			case other.shared == none:
				other.shared = shared
				shared++
			}
			c.shared = other.shared
		}
	}
	return shared
}

// form is equal for equal declarations.
func form(declared *echelonv1.Normalize) string {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(declared)
	if err != nil {
		return declared.String()
	}
	return string(data)
}

var (
	commons    = kernel.NewKind[Common]()
	partPlaces = kernel.NewKind[*part]()
)

// NewCommon returns what a batch's criteria share, of which there are so many.
func NewCommon(memory *kernel.Arena, shared int) *Common {
	if shared == 0 {
		return nil
	}
	c := commons.New(memory)
	c.parts = partPlaces.Make(memory, shared)
	return c
}

// part returns a criterion's part, which is computed unless another criterion has done so.
func (c *Common) part(memory *kernel.Arena, of *criterion, compute func() part) part {
	if c == nil || of.shared == none {
		return compute()
	}
	if c.parts[of.shared] == nil {
		made := parts.New(memory)
		*made = compute()
		c.parts[of.shared] = made
	}
	return *c.parts[of.shared]
}
