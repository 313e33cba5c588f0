package briefing

import (
	"fmt"
	"math"
	"strings"
)

// The size of the drawn plots, and the room for axes around them; units of the SVG.
const (
	boxWidth, boxHeight      = 980.0, 560.0
	boxLeft, boxTop          = 62.0, 14.0
	boxRight, boxBottom      = 966.0, 508.0
	minRadius, maxRadius     = 2.5, 13.0
	labelWidth, labelHeight  = 190.0, 42.0
	labelMargin, letterWidth = 8.0, 6.9
	// Labels stand in bands above and below the dots.
	band = labelHeight + 2*labelMargin
)

// boxChart is a box as it is drawn.
type boxChart struct {
	Box
	Width, Height            float64
	Left, Top, Right, Bottom float64
	XTicks, YTicks           []tick
	XLines, YLines           []tick
	Circles                  []circle
	Labels                   []boxLabel
	Given                    bool
	Conditions               []string
}

// tick is a place on an axis.
type tick struct {
	At   float64
	Text string
}

type circle struct {
	X, Y, R float64
	Fill    string
}

// boxLabel says of a cell what it is and who is in it.
type boxLabel struct {
	X, Y, Width, Height float64
	Name, Text, Fill    string
}

// scale brings values onto pixels.
type scale struct{ low, high, from, to float64 }

func (s scale) at(x float64) float64 {
	return round(s.from + (x-s.low)/(s.high-s.low)*(s.to-s.from))
}

// round keeps the page small: a tenth of a pixel is not seen.
func round(x float64) float64 { return math.Round(x*10) / 10 }

// drawBox draws a box.
func drawBox(b Box, of Amount) boxChart {
	c := boxChart{Box: b, Width: boxWidth, Height: boxHeight, Left: boxLeft, Top: boxTop, Right: boxRight, Bottom: boxBottom, Given: of.Given()}
	x, y := scaleOf(b, b.X, func(d Dot) float64 { return d.X }), scaleOf(b, b.Y, func(d Dot) float64 { return d.Y })
	x.from, x.to, y.from, y.to = boxLeft+maxRadius+1, boxRight-maxRadius-1, boxBottom-band, boxTop+band
	c.XTicks, c.YTicks = ticks(x), ticks(y)
	c.XLines, c.YLines = cutTicks(x, b.X), cutTicks(y, b.Y)
	c.Conditions = append(conditions(b.X), conditions(b.Y)...)
	largest := 0.0
	for _, dot := range b.Dots {
		largest = max(largest, dot.Amount)
	}
	for _, dot := range b.Dots {
		c.Circles = append(c.Circles, circle{X: x.at(dot.X), Y: y.at(dot.Y), R: radius(dot.Amount, largest), Fill: fillOf(dot.Cell)})
	}
	c.label(of)
	return c
}

func cutTicks(s scale, axis Axis) []tick {
	var all []tick
	for _, line := range axis.Lines {
		all = append(all, tick{At: s.at(line.At), Text: fmt.Sprintf("%.4g", line.At)})
	}
	return all
}

// conditions are those beside the lines of an axis, in words.
func conditions(a Axis) []string {
	var all []string
	for _, line := range a.Lines {
		if line.When != "" {
			all = append(all, fmt.Sprintf("%s from %.4g counts only where %s", a.Score, line.At, line.When))
		}
	}
	return all
}

func fillOf(cell int) string {
	if cell < 0 {
		return "#b8bdc7"
	}
	return tint(cell)
}

// radius makes areas proportional to amounts.
func radius(amount, largest float64) float64 {
	if largest == 0 {
		return minRadius + 1
	}
	return round(minRadius + (maxRadius-minRadius)*math.Sqrt(max(amount, 0)/largest))
}

// scaleOf takes in all dots and lines, to whole tens of the scores' 0 to 100.
func scaleOf(b Box, axis Axis, of func(Dot) float64) scale {
	low, high := 100.0, 0.0
	for _, dot := range b.Dots {
		low, high = min(low, of(dot)), max(high, of(dot))
	}
	for _, line := range axis.Lines {
		low, high = min(low, line.At-5), max(high, line.At+5)
	}
	low, high = max(0, math.Floor((low-1)/10)*10), min(100, math.Ceil((high+1)/10)*10)
	if high <= low {
		low, high = 0, 100
	}
	return scale{low: low, high: high}
}

func ticks(s scale) []tick {
	var all []tick
	step := 10.0
	if s.high-s.low > 60 {
		step = 20
	}
	for at := math.Ceil(s.low/step) * step; at <= s.high; at += step {
		all = append(all, tick{At: s.at(at), Text: fmt.Sprintf("%.0f", at)})
	}
	return all
}

// label says of each cell who is in it: columns and rows evenly over the plot, so that labels of narrow cells do not lie upon each other.
func (c *boxChart) label(of Amount) {
	for i, cell := range c.Cells {
		label := boxLabel{
			Y: spread(len(c.Y.Lines)-int(cell.Y), len(c.Y.Lines), boxTop+labelMargin, boxBottom-labelMargin-labelHeight), Height: labelHeight,
			Name: cell.Name, Fill: fillOf(i), Text: plural(cell.Customers, "customer", "customers"),
		}
		if of.Given() {
			label.Text += " · " + strings.TrimSpace(short(cell.Amount)+" "+of.Unit)
		}
		label.Width = max(labelWidth, 36+letterWidth*float64(max(len([]rune(cell.Name)), len([]rune(label.Text)))))
		label.X = spread(int(cell.X), len(c.X.Lines), boxLeft+labelMargin, boxRight-labelMargin-label.Width)
		c.Labels = append(c.Labels, label)
	}
}

// spread puts a place, from 0 to last, evenly between two pixels.
func spread(place, last int, from, to float64) float64 {
	if last == 0 {
		return from
	}
	return round(from + float64(place)/float64(last)*(to-from))
}
