package tier

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// words says what a cut asks for.
func (r *rungs) words(cut int) string {
	c := &r.cuts[cut]
	var parts, any []string
	for _, field := range c.fields() {
		parts = append(parts, field.words(c, r.score))
	}
	for _, one := range c.any {
		any = append(any, r.words(one))
	}
	switch {
	case len(any) > 0 && len(parts) > 0:
		parts = append(parts, "("+strings.Join(any, ", or ")+")")
	case len(any) > 0:
		return strings.Join(any, ", or ")
	}
	return strings.Join(parts, " and ")
}

// field is one field of a cut.
type field int

const (
	minScore field = iota
	when
	topCount
	topShare
	cumulativeShare
	capacity
	naturalBreak
)

// fields returns the fields that the cut has, in the order of the message.
func (c *cut) fields() []field {
	if c.declared == nil {
		return nil
	}
	var has []field
	if c.declared.MinScore != nil {
		has = append(has, minScore)
	}
	if c.when != nil {
		has = append(has, when)
	}
	if c.declared.TopCount != nil {
		has = append(has, topCount)
	}
	if c.declared.TopShare != nil {
		has = append(has, topShare)
	}
	if c.of != nil {
		has = append(has, cumulativeShare)
	}
	if c.room != nil {
		has = append(has, capacity)
	}
	if c.breaks() {
		has = append(has, naturalBreak)
	}
	return has
}

func (f field) words(c *cut, score string) string {
	switch f {
	case minScore:
		return fmt.Sprintf("score %s at least %s", score, frame.FormatNumber(c.declared.GetMinScore()))
	case when:
		return c.when.Text()
	case topCount:
		return fmt.Sprintf("among the first %d by score %s", c.declared.GetTopCount(), score)
	case topShare:
		return fmt.Sprintf("among the first %s %% by score %s", percent(c.declared.GetTopShare()), score)
	}
	switch f {
	case capacity:
		return fmt.Sprintf("within the capacity of %s, by score %s", c.room.words(), score)
	case naturalBreak:
		return "above a natural break of score " + score
	}
	order := "score " + score
	if c.byAmount {
		order = "amount"
	}
	return fmt.Sprintf("within the first %s %% of %s by %s", percent(c.declared.GetCumulativeShare().GetShare()), c.of.Text(), order)
}

func (r *Room) words() string {
	each := "customers"
	if r.Of != nil {
		each = r.Of.Text()
	}
	return fmt.Sprintf("%s %s × %s %s", frame.FormatNumber(r.Reps), r.Role, frame.FormatNumber(r.PerRep), each)
}

// maxWords is how long the words of a cut are in a reason, in characters; its explanation has them whole.
const maxWords = 200

// short cuts the words of a cut that are too long for a reason, which stands in every row.
func short(words string) string {
	if utf8.RuneCountInString(words) <= maxWords {
		return words
	}
	return string([]rune(words)[:maxWords]) + "…"
}

// percent writes a share as a percentage.
func percent(share float64) string { return frame.FormatNumber(math.Round(share*1e8) / 1e6) }

// line returns a field's frozen line, nil where it has none.
func (f field) line(lines *tierLines) *line {
	if lines == nil {
		return nil
	}
	switch f {
	case topCount:
		return lines.topCount
	case topShare:
		return lines.topShare
	case cumulativeShare:
		return lines.cumulative
	case capacity:
		return lines.capacity
	}
	return nil
}

// where returns the number at which a line stands: its score, or its amount where that comes first.
func (l *line) where(byAmount bool) *float64 {
	if l == nil || l.kind != echelonv1.DecisionLine_KEY {
		return nil
	}
	if byAmount {
		return &l.key.amount
	}
	return &l.key.score
}
