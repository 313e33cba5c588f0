package suggest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/echelonhq/echelon/engine/expr"
)

// maxName is the longest name of an attribute.
const maxName = 64

var (
	letters  = strings.NewReplacer("ß", "ss", "æ", "ae", "Æ", "Ae", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "%", " percent ")
	humps    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	unnamely = regexp.MustCompile(`[^a-z0-9]+`)
)

// nameOf makes a name of a header: "ARR (USD)" is arr_usd, companyName company_name.
func nameOf(header string, taken map[string]bool) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(letters.Replace(header)))
	name := strings.ToLower(humps.ReplaceAllString(plain, "${1}_${2}"))
	name = strings.Trim(unnamely.ReplaceAllString(name, "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = strings.TrimSuffix("column_"+name, "_")
	}
	if len(name) > maxName-4 {
		name = strings.TrimRight(name[:maxName-4], "_")
	}
	if expr.IsReserved(name) || name == "segments" || name == "scores" || name == "tiers" || name == "as_of" {
		name += "_"
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	taken[free] = true
	return free
}
