package server

import (
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxPlainName is how long a model's name may be, in bytes, that is surely not too long in characters.
const maxPlainName = 64

// plain reports whether a request surely keeps the rules of its .proto: that of a call which is made for every page that a customer opens, and of which
// checking the rules takes longer than evaluating it. Whatever else is asked for is checked by the rules.
func plain(message proto.Message) bool {
	r, ok := message.(*echelonv1.ScoreCustomerRequest)
	if !ok {
		return false
	}
	model := r.GetEvaluator().GetStored()
	if model == nil || model.GetName() == "" || len(model.GetName()) > maxPlainName || model.GetVersion() < 0 || r.GetEvaluator().GetCalibration() != nil {
		return false
	}
	id := r.GetCustomerId()
	return r.GetGiven() != nil || id != "" && len(id) <= maxCustomerID
}

// maxCustomerID is how long a customer's id may be in a request, in bytes.
const maxCustomerID = 512
