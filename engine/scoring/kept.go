package scoring

import (
	"encoding/binary"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// keptSteps is how many steps of a kept value make a point: it is within 0.001 of the value.
	keptSteps = 650
	// keptOut is kept of a criterion that was left out.
	keptOut = 1<<16 - 1
)

// Criteria returns how many criteria the score has.
func (s *Score) Criteria() int { return len(s.criteria) }

// Kept returns, for each criterion, what each row's normalised value is, after the policy for missing ones, rounded to fit two bytes, little endian.
func (o *Outcome) Kept() [][]byte {
	kept := make([][]byte, len(o.parts))
	for i := range o.parts {
		p, bytes := &o.parts[i], make([]byte, 2*len(o.Completeness))
		instead := uint16(keptOut)
		switch o.score.missing {
		case echelonv1.Score_ZERO:
			instead = 0
		case echelonv1.Score_NEUTRAL:
			instead = 50 * keptSteps
		}
		for row, value := range p.value {
			step := instead
			if p.read.Get(row) {
				step = uint16(value*keptSteps + 0.5)
			}
			binary.LittleEndian.PutUint16(bytes[2*row:], step)
		}
		kept[i] = bytes
	}
	return kept
}

// ExplainKept returns what each criterion brought to a row's score, by what was kept of it. Contributions add up to the score within a hundredth.
func (s *Score) ExplainKept(kept [][]byte, row int, score *float64, completeness float64) *echelonv1.ScoreExplanation {
	explained := &echelonv1.ScoreExplanation{Score: s.name, Value: score, Completeness: completeness}
	divisor := 0.0
	for i := range s.criteria {
		one := &echelonv1.CriterionExplanation{Criterion: s.criteria[i].name, Expr: s.criteria[i].expr.Text(), Weight: s.criteria[i].weight}
		if step := binary.LittleEndian.Uint16(kept[i][2*row:]); step != keptOut {
			value := float64(step) / keptSteps
			one.Normalized = &value
			divisor += one.Weight
		}
		explained.Criteria = append(explained.Criteria, one)
	}
	for _, one := range explained.GetCriteria() {
		if one.Normalized == nil || divisor == 0 {
			continue
		}
		one.WeightPercent = one.GetWeight() / divisor * 100
		if score != nil {
			one.Contribution = one.GetWeight() * one.GetNormalized() / divisor
		}
	}
	rank(explained.GetCriteria())
	return explained
}
