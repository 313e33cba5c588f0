package snapshot

import (
	"context"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Tell writes into movers, ascending by id and after an id, why they moved in a tiering, and their groups. Of those who are not stored any more, or not
// in both, it cannot be told.
func (c *Causes) Tell(ctx context.Context, after, tiering string, movers []*echelonv1.Mover) error {
	return c.each(ctx, after, movers, func(mover *echelonv1.Mover, way *Way) error {
		if way != nil {
			mover.Group = way.Group
		}
		if way == nil || way.from == nil || way.to == nil {
			mover.Cause, mover.CauseMessage = echelonv1.Move_NOT_KNOWN, "and why cannot be told: it was deleted, and stored anew"
			return nil
		}
		j := way.Journey(tiering)
		mover.Cause, mover.CauseUncertain = j.Cause()
		mover.CauseMessage = j.Words(way.Converts())
		return nil
	})
}

// Lead writes into movers, ascending by id, what changed the most for them in the scores of a tiering.
func (c *Causes) Lead(ctx context.Context, tiering string, movers []*echelonv1.Mover) error {
	for _, mover := range movers { // they are few, and anywhere
		if err := ctx.Err(); err != nil {
			return err
		}
		if mover.GetCause() == echelonv1.Move_OVERRIDE {
			mover.LeadingReason = pinWords(mover)
			continue
		}
		ways, err := c.Of(ctx, "", []string{mover.GetCustomerId()})
		if err != nil {
			return err
		}
		if len(ways) == 0 {
			continue
		}
		scores, err := ways[0].Scores()
		if err != nil {
			return err
		}
		mover.LeadingReason = c.leading(tiering, mover, scores)
	}
	return nil
}

// pinWords returns what the override says that is in force, or was.
func pinWords(mover *echelonv1.Mover) string {
	for _, reason := range slices.Concat(mover.GetToReasons(), mover.GetFromReasons()) {
		if reason.GetCode() == echelonv1.Reason_OVERRIDE {
			return reason.GetMessage()
		}
	}
	return ""
}

// each goes through movers with their ways; nil where there is none.
func (c *Causes) each(ctx context.Context, after string, movers []*echelonv1.Mover, tell func(*echelonv1.Mover, *Way) error) error {
	ids := make([]string, len(movers))
	for i, mover := range movers {
		ids[i] = mover.GetCustomerId()
	}
	ways, err := c.Of(ctx, after, ids)
	if err != nil {
		return err
	}
	for _, mover := range movers {
		var way *Way
		if len(ways) > 0 && ways[0].ID == mover.GetCustomerId() {
			way, ways = ways[0], ways[1:]
		}
		if err := tell(mover, way); err != nil {
			return err
		}
	}
	return nil
}

// leading returns, of the scores that the tiering reads, the words of what changed the most in the direction of the move; empty where nothing did.
func (c *Causes) leading(tiering string, mover *echelonv1.Mover, scores []*echelonv1.ScoreDifference) string {
	read := scoresOf(c.to.program.Model().GetTierings()[c.to.tiering(tiering)])
	best, words := 0.0, ""
	for _, score := range scores {
		if !slices.Contains(read, score.GetScore()) {
			continue
		}
		for _, one := range score.GetCriteria() {
			points := one.GetPoints()
			switch mover.GetDirection() {
			case echelonv1.Mover_DEMOTED:
				points = -points
			case echelonv1.Mover_OTHER:
				points = max(points, -points)
			}
			if points > best {
				best, words = points, one.GetMessage()
			}
		}
		if words == "" && len(score.GetCriteria()) == 0 {
			words = scoreWords(score)
		}
	}
	return words
}

// scoresOf returns the names of the scores that a tiering cuts.
func scoresOf(t *echelonv1.Tiering) []string {
	switch {
	case t.GetLinear() != nil:
		return []string{t.GetLinear().GetScore()}
	case t.GetMatrix() != nil:
		return []string{t.GetMatrix().GetX().GetScore(), t.GetMatrix().GetY().GetScore()}
	}
	return nil
}
