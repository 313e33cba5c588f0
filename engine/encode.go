package engine

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Encoder writes assignments as they go over the wire, straight from the columns of results. What many customers share, which is nearly all but ids
// and scores, is encoded once. It is used by one goroutine at a time.
type Encoder struct {
	program *Program
	result  *Result
	// segments and tiers have the encoded outcomes by segmentation or tiering, and scores the encoded names.
	segments []outcomes[segmentKey]
	tiers    []outcomes[tierKey]
	scores   [][]byte
	// reasons are those of the result, and said those of results before, which come again and again.
	reasons [][]byte
	said    map[*echelonv1.Reason][]byte
	row     []byte
}

// outcomes are encoded outcomes by what they depend on, as long as the names are the same.
type outcomes[Key comparable] struct {
	names []string
	parts map[Key][]byte
}

// segmentKey is what the outcome of a segmentation depends on: the code of the segment, and of the computed one where that is another.
type segmentKey struct{ segment, computed uint32 }

// tierKey is what the outcome of a tiering without standings depends on: the code of the tier, and of the computed one where that is another; and what
// Result.Own has.
type tierKey struct{ tier, computed, own uint32 }

// NewEncoder returns an encoder of the program's results.
func (p *Program) NewEncoder() *Encoder {
	e := &Encoder{program: p, segments: make([]outcomes[segmentKey], len(p.segmentations)), tiers: make([]outcomes[tierKey], len(p.tierings)), said: make(map[*echelonv1.Reason][]byte)}
	for _, s := range p.model.GetScores() {
		e.scores = append(e.scores, appendBytes(nil, scoreName, s.GetName()))
	}
	return e
}

// The numbers of the fields that are written here.
var (
	assignmentID       = number(&echelonv1.Assignment{}, "customer_id")
	assignmentSegments = number(&echelonv1.Assignment{}, "segments")
	assignmentScores   = number(&echelonv1.Assignment{}, "scores")
	assignmentTiers    = number(&echelonv1.Assignment{}, "tiers")
	assignmentReasons  = number(&echelonv1.Assignment{}, "reasons")
	assignmentExplains = number(&echelonv1.Assignment{}, "explanation")
	assignmentExcluded = number(&echelonv1.Assignment{}, "excluded")
	assignmentReps     = number(&echelonv1.Assignment{}, "reps")
	scoreName          = number(&echelonv1.ScoreOutcome{}, "score")
	scoreValue         = number(&echelonv1.ScoreOutcome{}, "value")
	scoreCompleteness  = number(&echelonv1.ScoreOutcome{}, "completeness")
)

func number(of proto.Message, field string) protowire.Number {
	return of.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field)).Number()
}

// Reset begins with another result of the program. It is not kept beyond the next one.
func (e *Encoder) Reset(r *Result) error {
	e.result = r
	for k := range e.segments {
		e.segments[k].of(r.Segments[k].Dict)
	}
	for k := range e.tiers {
		e.tiers[k].of(r.Tiers[k].Dict)
	}
	e.reasons = e.reasons[:0]
	if len(e.said) > reasonsKept {
		e.said = make(map[*echelonv1.Reason][]byte)
	}
	for _, reason := range r.Reasons.Reasons {
		part, known := e.said[reason]
		if !known {
			var err error
			if part, err = encode(assignmentReasons, reason); err != nil {
				return err
			}
			e.said[reason] = part
		}
		e.reasons = append(e.reasons, part)
	}
	return nil
}

// reasonsKept is how many reasons of results before an encoder keeps at most: a workspace gives those that come again as the same message.
const reasonsKept = 1024

// of forgets what was encoded with other names.
func (o *outcomes[Key]) of(names []string) {
	if o.parts == nil || len(o.names) != len(names) || len(names) > 0 && &o.names[0] != &names[0] {
		o.names, o.parts = names, make(map[Key][]byte)
	}
}

// Append appends row i's assignment, as Result.Assignment returns it, as a field of that number.
func (e *Encoder) Append(to []byte, field protowire.Number, i int) ([]byte, error) {
	row, err := e.Row(i)
	if err != nil {
		return nil, err
	}
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), row), nil
}

// Row returns row i's assignment, as Result.Assignment returns it, in memory of the encoder, to which the caller may append.
func (e *Encoder) Row(i int) ([]byte, error) {
	r, row := e.result, e.row[:0]
	if r.IDs[i] != "" {
		row = appendBytes(row, assignmentID, r.IDs[i])
	}
	for k := range r.Segments {
		part, err := e.segment(k, i)
		if err != nil {
			return nil, err
		}
		row = append(row, part...)
	}
	for k := range r.Scores {
		row = e.score(row, k, i)
	}
	for k := range r.Tiers {
		part, err := e.tier(k, i)
		if err != nil {
			return nil, err
		}
		row = append(row, part...)
	}
	if r.Reasons.Offsets != nil {
		for _, ref := range r.Reasons.Refs[r.Reasons.Offsets[i]:r.Reasons.Offsets[i+1]] {
			row = append(row, e.reasons[ref]...)
		}
	}
	if r.evaluation != nil {
		part, err := encode(assignmentExplains, r.evaluation.explain(i))
		if err != nil {
			return nil, err
		}
		row = append(row, part...)
	}
	if r.Excluded != nil && r.Excluded.Get(i) {
		row = protowire.AppendVarint(protowire.AppendTag(row, assignmentExcluded, protowire.VarintType), 1)
	}
	for _, rep := range r.reps(i) {
		part, err := encode(assignmentReps, rep)
		if err != nil {
			return nil, err
		}
		row = append(row, part...)
	}
	e.row = row
	return row, nil
}

func (e *Encoder) segment(k, i int) ([]byte, error) {
	r := e.result
	key := segmentKey{segment: code(r.Segments[k], i)}
	if computed := r.computedSegments(k); computed != nil && differ(computed, r.Segments[k], i) {
		key.computed = 1 + code(computed, i)
	}
	part, known := e.segments[k].parts[key]
	if known {
		return part, nil
	}
	part, err := encode(assignmentSegments, e.result.segment(k, i))
	e.segments[k].parts[key] = part
	return part, err
}

func (e *Encoder) tier(k, i int) ([]byte, error) {
	r := e.result
	if r.Standings[k] != nil {
		return encode(assignmentTiers, r.tier(k, i)) // a day for each customer
	}
	key := tierKey{tier: code(r.Tiers[k], i), own: r.ownOf(k, i)}
	if r.held(k, i) {
		key.computed = 1 + code(r.Computed[k], i)
	}
	part, known := e.tiers[k].parts[key]
	if known {
		return part, nil
	}
	part, err := encode(assignmentTiers, r.tier(k, i))
	e.tiers[k].parts[key] = part
	return part, err
}

// code is what a row's text depends on: 0 where it has none.
func code(column *frame.Column, i int) uint32 {
	if !column.Valid.Get(i) {
		return 0
	}
	return column.Codes[i] + 1
}

// doubleBytes is what a field of a double takes.
const doubleBytes = 1 + 8

func (e *Encoder) score(to []byte, k, i int) []byte {
	r := e.result
	given, completeness := r.Scores[k].Valid.Get(i), math.Float64bits(r.Completeness[k][i])
	size := len(e.scores[k])
	if given {
		size += doubleBytes
	}
	if completeness != 0 {
		size += doubleBytes
	}
	to = protowire.AppendVarint(protowire.AppendTag(to, assignmentScores, protowire.BytesType), uint64(size))
	to = append(to, e.scores[k]...)
	if given {
		to = protowire.AppendFixed64(protowire.AppendTag(to, scoreValue, protowire.Fixed64Type), math.Float64bits(r.Scores[k].Numbers[i]))
	}
	if completeness != 0 {
		to = protowire.AppendFixed64(protowire.AppendTag(to, scoreCompleteness, protowire.Fixed64Type), completeness)
	}
	return to
}

// appendBytes appends a field of a text.
func appendBytes(to []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(to, field, protowire.BytesType), text)
}

// encode returns a field that is a message.
func encode(field protowire.Number, message proto.Message) ([]byte, error) {
	content, err := proto.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encoding an assignment: %w", err)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), content), nil
}
