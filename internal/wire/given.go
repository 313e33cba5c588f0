package wire

import (
	"bytes"
	"sync/atomic"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// GivenDepth is how deep a customer lies in the request to score it.
const GivenDepth = 1

// DecodeGiven makes a message of such a customer, as protobuf does.
func DecodeGiven(customer []byte, to *echelonv1.Customer) error {
	return decode(customer, to, GivenDepth)
}

// Evaluators decodes the evaluators of requests. Call after call is for the same one, which is decoded once. Its zero value is ready; it may be used by
// several goroutines.
type Evaluators struct {
	last atomic.Pointer[decodedEvaluator]
}

type decodedEvaluator struct {
	data    []byte
	message *echelonv1.Evaluator
}

// keptEvaluator is how long an evaluator is, in bytes, that is kept: one that names what is stored is shorter, and one that brings a model along may have
// megabytes.
const keptEvaluator = 512

// decode returns the message of an evaluator, which others may have as well: it must not be changed.
func (e *Evaluators) decode(data []byte) (*echelonv1.Evaluator, error) {
	if last := e.last.Load(); last != nil && bytes.Equal(last.data, data) {
		return last.message, nil
	}
	message := &echelonv1.Evaluator{}
	if err := decode(data, message, GivenDepth); err != nil {
		return nil, err
	}
	if len(data) <= keptEvaluator {
		e.last.Store(&decodedEvaluator{bytes.Clone(data), message})
	}
	return message, nil
}

// SplitGiven decodes a request to score a customer that is given, but for that customer, which it returns as it came; nil where the request has another
// or looks different from what encoders write: then protobuf is to decode all of it. The evaluator must not be changed.
func (e *Evaluators) SplitGiven(request []byte, to *echelonv1.ScoreCustomerRequest) (customer []byte) {
	evaluator, rest, ok := field(request, bytes1)
	if !ok {
		return nil
	}
	explain, rest := explains(rest) // Go writes it before the customer, others after it
	if customer, rest, ok = field(rest, bytes2); !ok {
		return nil
	}
	if len(rest) > 0 && !explain {
		explain, rest = explains(rest)
	}
	if len(rest) > 0 {
		return nil
	}
	by, err := e.decode(evaluator)
	if err != nil {
		return nil
	}
	to.Evaluator, to.Explain = by, explain
	return customer
}

// explains reports whether data begins with the field that asks for an explanation, and returns what follows it.
func explains(data []byte) (asked bool, rest []byte) {
	if len(data) >= 2 && data[0] == varint4 && data[1] == 1 {
		return true, data[2:]
	}
	return false, data
}
