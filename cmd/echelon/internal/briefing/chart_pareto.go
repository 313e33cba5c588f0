package briefing

import (
	"fmt"
	"strings"
)

const (
	paretoWidth, paretoHeight = 980.0, 460.0
	paretoLeft, paretoTop     = 72.0, 16.0
	paretoRight, paretoBottom = 956.0, 408.0
	// lineGap is how far labels of cut lines are apart, at least.
	lineGap = 19.0
)

// paretoChart is a concentration as it is drawn.
type paretoChart struct {
	*Concentration
	Width, Height            float64
	Left, Top, Right, Bottom float64
	XTicks, YTicks           []tick
	// Line is the curve, and Area what is under it, as points of an SVG.
	Line, Area string
	Cuts       []cutMark
}

// cutMark is where a tier ends.
type cutMark struct {
	X, Y         float64
	LabelX       float64
	LabelY       float64
	Anchor, Fill string
	Text         string
}

// drawPareto draws a curve and the ends of the tiers.
func drawPareto(c *Concentration) paretoChart {
	out := paretoChart{Concentration: c, Width: paretoWidth, Height: paretoHeight, Left: paretoLeft, Top: paretoTop, Right: paretoRight, Bottom: paretoBottom}
	x, y := scale{high: 100, from: paretoLeft, to: paretoRight}, scale{high: 1, from: paretoBottom, to: paretoTop}
	var points []string
	for percent, reached := range c.Curve {
		points = append(points, fmt.Sprintf("%g,%g", x.at(float64(percent)), y.at(reached)))
	}
	out.Line = strings.Join(points, " ")
	out.Area = fmt.Sprintf("%g,%g %s %g,%g", paretoLeft, paretoBottom, out.Line, paretoRight, paretoBottom)
	for percent := 0.0; percent <= 100; percent += 20 {
		out.XTicks = append(out.XTicks, tick{At: x.at(percent), Text: fmt.Sprintf("%.0f %%", percent)})
		out.YTicks = append(out.YTicks, tick{At: y.at(percent / 100), Text: fmt.Sprintf("%.0f %%", percent)})
	}
	below := paretoTop
	for i, line := range c.Lines {
		if i == len(c.Lines)-1 {
			break // everybody with a tier: no line is drawn there
		}
		at := cutMark{
			X: x.at(100 * float64(line.Customers) / float64(c.Customers)), Y: y.at(line.Amount / c.Amount), Fill: tint(i), Anchor: "start",
			Text: fmt.Sprintf("to the end of %s: %s (%s) bring %s", line.Tier, plural(line.Customers, "customer", "customers"),
				share(float64(line.Customers), float64(c.Customers)), share(line.Amount, c.Amount)),
		}
		at.LabelX, at.LabelY = at.X+12, at.Y+20
		if at.X > (paretoLeft+paretoRight)/2 {
			at.LabelX, at.Anchor = at.X-12, "end"
		}
		// Labels hang below the curve; one that would touch another goes further down.
		for _, other := range out.Cuts {
			if d := at.LabelY - other.LabelY; d > -lineGap && d < lineGap {
				at.LabelY = other.LabelY + lineGap
			}
		}
		at.LabelY = min(max(at.LabelY, below+lineGap), paretoBottom-8)
		out.Cuts = append(out.Cuts, at)
	}
	return out
}
