package workload

import (
	"math"

	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Customer is the customer i of c as a message. What is null is left out.
func Customer(c *Cols, i int) *echelonv1.Customer {
	fields := make(map[string]*structpb.Value, len(FNames)+len(INames)+len(SNames)+1)
	for k, name := range FNames {
		if x := c.F[k][i]; !math.IsNaN(x) {
			fields[name] = structpb.NewNumberValue(x)
		}
	}
	for k, name := range INames {
		if x := c.I[k][i]; x != NullI {
			fields[name] = structpb.NewNumberValue(float64(x))
		}
	}
	for k, name := range SNames {
		fields[name] = structpb.NewStringValue(c.Str[k][i])
	}
	fields[BName] = structpb.NewBoolValue(c.B[i])
	return &echelonv1.Customer{Id: c.ID[i], Attributes: &structpb.Struct{Fields: fields}}
}
