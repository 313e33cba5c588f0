package briefing

import (
	"embed"
	"html/template"
	"io"
	"math"
	"strconv"
	"time"
)

//go:embed page
var page embed.FS

// templates are the page's; that they cannot be read is a mistake of the program, which every test shows.
var templates = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"count": count, "amount": amount, "exact": exact, "short": short, "share": share, "day": func(at time.Time) string { return at.UTC().Format("2 January 2006") },
	"minute": func(at time.Time) string { return at.UTC().Format("2 January 2006 15:04 UTC") },
	"style": func() (template.CSS, error) {
		text, err := page.ReadFile("page/style.css")
		return template.CSS(text), err
	},
	"gini": func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) },
	"draw": drawBox, "pareto": drawPareto, "migration": drawMigration, "tint": tint, "plural": plural, "dict": dict, "width": width,
	"plus": func(a, b float64) float64 { return round(a + b) }, "minus": func(a, b float64) float64 { return round(a - b) },
}).ParseFS(page, "page/*.html"))

// HTML writes the page: one file that needs no other.
func HTML(to io.Writer, report *Report) error {
	return templates.ExecuteTemplate(to, "page.html", report)
}

// dict gives a template several values by names.
func dict(pairs ...any) map[string]any {
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	return values
}

// plural writes a count with the word for one or for many.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// amount writes an amount whole, or with two decimals where all amounts are small.
func amount(x, total float64) string {
	if math.Abs(total) < 1000 {
		text := strconv.FormatFloat(math.Abs(x), 'f', 2, 64)
		return sign(x) + text
	}
	return grouped(strconv.FormatFloat(math.Round(x), 'f', 0, 64))
}

// exact writes a number so that it reads back.
func exact(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// short writes an amount with three digits and a word: 36.5 million.
func short(x float64) string {
	if x == 0 {
		return "0"
	}
	for _, unit := range []struct {
		of   float64
		word string
	}{{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}} {
		if math.Abs(x) >= unit.of*0.9995 {
			scaled := x / unit.of
			digits := 1
			if math.Abs(scaled) >= 99.95 {
				digits = 0
			}
			return strconv.FormatFloat(scaled, 'f', digits, 64) + unit.word
		}
	}
	return amount(x, x)
}

// share writes a share of a whole in percent; each is a count or an amount.
func share(part, whole any) string {
	if toFloat(whole) == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*toFloat(part)/toFloat(whole), 'f', 1, 64) + " %"
}

// width is a share as the width of a bar, where the widest share fills its place; it is seen where there is anything.
func width(part, whole any, widest float64) template.CSS {
	if toFloat(whole) <= 0 || toFloat(part) <= 0 {
		return "0"
	}
	return template.CSS(strconv.FormatFloat(max(0.5, 100*toFloat(part)/toFloat(whole)/widest), 'f', 1, 64) + "%")
}

func toFloat(x any) float64 {
	if n, ok := x.(int64); ok {
		return float64(n)
	}
	f, _ := x.(float64)
	return f
}

func sign(x float64) string {
	if x < 0 {
		return "-"
	}
	return ""
}

// tint is the colour of a tier or a persona by its place.
func tint(place int) string { return tints[place%len(tints)] }

// tints can be told apart by who sees no red or no green, and are dark enough to be seen on white.
var tints = []string{"#1d4e89", "#2a8c82", "#c17817", "#7d8597", "#7b4b94", "#a63d40", "#3f88c5", "#6b705c"}
