package engine_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// normalized writes a model whose score is one criterion.
func normalized(expr, normalize string) string {
	return attributes + "scores: [{name: v, criteria: [{name: c, expr: " + expr + ", weight: 3, normalize: " + normalize + "}]}]\n"
}

func TestNormalizersOfNumbers(t *testing.T) {
	const (
		linear    = "{linear: {min: -50, max: 150}}"
		log       = "{log: {min: 1000, max: 1000000}}"
		piecewise = "{piecewise: {points: [{x: -10, y: 0.2}, {x: 0, y: 0.6}, {x: 10, y: 0.1}, {x: 50, y: 1}]}}"
		bands     = "{bands: {bands: [{value: 0.1}, {from: 0, value: 0.5}, {from: 10, value: 0.9}]}}"
		right     = "{bands: {bands: [{value: 0.1}, {from: 0, value: 0.5}, {from: 10, value: 0.9}], closed: RIGHT}}"
		left      = "{bands: {bands: [{value: 0.1}, {from: 0, value: 0.5}], closed: LEFT}}"
	)
	tests := []struct {
		name, normalize string
		x, want         float64
	}{
		{"NORM-1 linear at its minimum is 0", linear, -50, 0},
		{"NORM-1 linear in between is in proportion", linear, 0, 25},
		{"NORM-1 linear at its maximum is 100", linear, 150, 100},
		{"NORM-1 linear below is clamped", linear, -1e300, 0},
		{"NORM-1 linear above is clamped", linear, 1e300, 100},
		{"NORM-2 log at its minimum is 0", log, 1000, 0},
		{"NORM-2 log goes by powers of ten", log, 10000, 100.0 / 3},
		{"NORM-2 log goes by powers of ten again", log, 100000, 200.0 / 3},
		{"NORM-2 log at its maximum is 100", log, 1000000, 100},
		{"NORM-2 log below its minimum is 0", log, 999.99, 0},
		{"NORM-2 log above its maximum is 100", log, 1e308, 100},
		{"NORM-3 log of zero is 0", log, 0, 0},
		{"NORM-3 log of a negative number is 0", log, -1e308, 0},
		{"NORM-5 piecewise at a point is its y", piecewise, 0, 60},
		{"NORM-5 piecewise at a later point is its y", piecewise, 10, 10},
		{"NORM-5 piecewise rises between points", piecewise, -5, 40},
		{"NORM-5 piecewise falls between points", piecewise, 5, 35},
		{"NORM-6 piecewise below its points holds the first y", piecewise, -1e300, 20},
		{"NORM-6 piecewise at its first point", piecewise, -10, 20},
		{"NORM-6 piecewise at its last point", piecewise, 50, 100},
		{"NORM-6 piecewise above its points holds the last y", piecewise, 1e300, 100},
		{"NORM-8 a band holds from its bound", bands, 0, 50},
		{"NORM-8 just below a bound the band before holds", bands, math.Nextafter(0, -1), 10},
		{"NORM-8 between bounds", bands, 9.999, 50},
		{"NORM-8 the last band holds from its bound upwards", bands, 10, 90},
		{"NORM-8 LEFT is the default", left, 0, 50},
		{"NORM-8 negative zero is zero", bands, math.Copysign(0, -1), 50},
		{"NORM-9 with closed RIGHT the bound belongs to the band before", right, 0, 10},
		{"NORM-9 with closed RIGHT a band holds above its bound", right, math.Nextafter(0, 1), 50},
		{"NORM-9 with closed RIGHT the later bound too", right, 10, 50},
		{"NORM-9 with closed RIGHT above the last bound", right, math.Nextafter(10, 11), 90},
		{"NORM-10 the first band reaches down without bound", bands, -1e308, 10},
		{"NORM-10 the last band reaches up without bound", right, 1e308, 90},
		{"NORM-10 one band is all there is", "{bands: {bands: [{value: 0.3}]}}", -7, 30},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := evaluate(t, normalized("x", test.normalize), xs(test.x)...)
			if got := s.score("a"); math.Abs(got-test.want) > 1e-12 {
				t.Errorf("%v scores %v, want %v", test.x, got, test.want)
			}
		})
	}
}

func TestNormalizersOfTextsAndBooleans(t *testing.T) {
	const (
		plain    = "{lookup: {values: {marquee: 1, known: 0.6, '': 0.1, ' known ': 0.3}}}"
		fallback = "{lookup: {values: {marquee: 1, known: 0.6}, default: 0.2}}"
		zero     = "{lookup: {values: {marquee: 1}, default: 0}}"
	)
	tests := []struct {
		name, expr, normalize string
		attrs
		want float64
	}{
		{"NORM-11 a listed text has its value", "s", plain, attrs{"s": "known"}, 60},
		{"NORM-11 keys are compared exactly, in case", "s", plain, attrs{"s": "Known"}, missing},
		{"NORM-11 keys are compared exactly, in blanks", "s", plain, attrs{"s": " known "}, 30},
		{"NORM-11 an empty text is a text", "s", plain, attrs{"s": ""}, 10},
		{"NORM-12 an unlisted text has the default", "s", fallback, attrs{"s": "nobody"}, 20},
		{"NORM-12 a default of 0 is a default", "s", zero, attrs{"s": "nobody"}, 0},
		{"NORM-12 the default is not for missing texts", "s", fallback, attrs{}, missing},
		{"NORM-12 an unlisted text without default cannot be read", "s", plain, attrs{"s": "nobody"}, missing},
		{"NORM-12 nor is the default for a null segment", "segments.size", fallback, attrs{}, missing},
		{"NORM-11 a segment can be looked up", "segments.size", fallback, attrs{"x": 1}, 60},
		{"NORM-13 true is 100", "b", "{boolean: {}}", attrs{"b": true}, 100},
		{"NORM-13 false is 0", "b", "{boolean: {}}", attrs{"b": false}, 0},
		{"NORM-13 a missing boolean is neither", "b", "{boolean: {}}", attrs{}, missing},
		{"NORM-13 a condition is a boolean", "x > 5", "{boolean: {}}", attrs{"x": 6}, 100},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := normalized(test.expr, test.normalize) + "segmentations: [{name: size, segments: [{name: known, when: x > 0}]}]\n"
			s := evaluate(t, text, person{"one", test.attrs})
			if got := s.score("one"); !same(got, test.want) {
				t.Errorf("it scores %v, want %v", got, test.want)
			}
		})
	}
}

func TestNormalizersStayWithinZeroToAHundredAndKeepTheOrder(t *testing.T) {
	// NORM-1, NORM-2, NORM-3, NORM-5
	for name, normalize := range map[string]string{
		"linear":    "{linear: {min: -3, max: 7}}",
		"log":       "{log: {min: 0.1, max: 12345.678}}",
		"piecewise": "{piecewise: {points: [{x: -1, y: 0}, {x: 0.1, y: 0.3}, {x: 0.2, y: 0.30000000000000004}, {x: 7, y: 1}]}}",
	} {
		program := compile(t, normalized("x", normalize))
		scorer := bindTo(t, program, nil)
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				number := rapid.OneOf(rapid.Float64Range(-10, 20), rapid.Float64Range(-1e308, 1e308), rapid.SampledFrom([]float64{0, 0.1, 0.2, 7}))
				low, high := number.Draw(t, "low"), number.Draw(t, "high")
				if low > high {
					low, high = high, low
				}
				s := &study{TB: tb(t), program: program, scorer: scorer}
				s.see(frameOf(tb(t), program, xs(low, high)...))
				a, b := s.score("a"), s.score("b")
				if !(0 <= a && a <= b && b <= 100) {
					t.Fatalf("%v scores %v and %v scores %v", low, a, high, b)
				}
			})
		})
	}
}

func TestNormalizersAtTheEndsOfTheDoubles(t *testing.T) {
	// NORM-1, NORM-3, NORM-5: where a range is too wide or too narrow for doubles, either the model is a mistake or the value is right.
	next := math.Nextafter(1e300, math.Inf(1))
	for _, test := range []struct {
		name, normalize string
		x, least, most  float64
	}{
		{"linear over all doubles", "{linear: {min: -1.7e308, max: 1.7e308}}", 0, 49, 51},
		{"linear over all doubles, at the end", "{linear: {min: -1.7e308, max: 1.7e308}}", 1.7e308, 100, 100},
		{"log between neighbours", fmt.Sprintf("{log: {min: 1e300, max: %v}}", math.Nextafter(next, math.Inf(1))), next, 0, 100},
		{"piecewise over all doubles", "{piecewise: {points: [{x: -1.7e308, y: 0}, {x: 1.7e308, y: 1}]}}", 0, 49, 51},
		{"piecewise of a steep step", "{piecewise: {points: [{x: -1, y: 0}, {x: 0, y: 0.5}, {x: 5e-324, y: 1}, {x: 1, y: 1}]}}", 0, 50, 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			program, found := tryCompile(t, normalized("x", test.normalize))
			if found.HasMistakes() {
				return
			}
			s := &study{TB: t, program: program, scorer: bindTo(t, program, nil)}
			s.see(frameOf(t, program, xs(test.x)...))
			if got := s.score("a"); !(got >= test.least && got <= test.most) {
				t.Errorf("%v scores %v, want %v to %v", test.x, got, test.least, test.most)
			}
		})
	}
}
