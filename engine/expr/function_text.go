package expr

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/engine/frame"
)

var anyMap = types.NewMapType(keyType, anyType)

var textFunctions = []function{
	predicate("contains", strings.Contains),
	predicate("startsWith", strings.HasPrefix),
	predicate("endsWith", strings.HasSuffix),
	{name: "matches", usage: `string.matches("regular expression")`, plain: args(2, 2), method: args(1, 1), overloads: []cel.FunctionOpt{
		binary("matches_plain", stringType, stringType, booleanType, matches),
		method2("matches_method", stringType, stringType, booleanType, matches),
	}},
	transform("lowerAscii", lowerASCII),
	transform("upperAscii", upperASCII),
	transform("trim", strings.TrimSpace),
	{name: "size", usage: "size(string, list or map)", plain: args(1, 1), method: args(0, 0), overloads: []cel.FunctionOpt{
		unary("size_string", stringType, numberType, codePoints),
		unary("size_list", anyList, numberType, size),
		unary("size_map", anyMap, numberType, size),
		method("string_size", stringType, numberType, codePoints),
		method("list_size", anyList, numberType, size),
		method("map_size", anyMap, numberType, size),
	}},
	{name: "string", usage: "string(number, boolean, date or timestamp)", plain: args(1, 1), overloads: []cel.FunctionOpt{
		unary("string_number", numberType, stringType, toText),
		unary("string_boolean", booleanType, stringType, toText),
		unary("string_string", stringType, stringType, toText),
		unary("string_date", dateType, stringType, toText),
		unary("string_timestamp", timestampType, stringType, toText),
	}},
	{name: "double", usage: "double(string)", plain: args(1, 1), overloads: []cel.FunctionOpt{
		unary("double_number", numberType, numberType, func(v ref.Val) ref.Val { return v }),
		unary("double_string", stringType, numberType, func(v ref.Val) ref.Val {
			x, err := parseNumber(string(v.(types.String)))
			if err != nil {
				return failf("%v", err)
			}
			return types.Double(x)
		}),
	}},
}

func predicate(name string, f func(s, t string) bool) function {
	return function{name: name, usage: "string." + name + "(string)", method: args(1, 1), overloads: []cel.FunctionOpt{
		method2(name+"_string", stringType, stringType, booleanType, func(a, b ref.Val) ref.Val {
			return types.Bool(f(string(a.(types.String)), string(b.(types.String))))
		}),
	}}
}

func transform(name string, f func(string) string) function {
	return function{name: name, usage: "string." + name + "()", method: args(0, 0), overloads: []cel.FunctionOpt{
		method(name+"_string", stringType, stringType, func(v ref.Val) ref.Val { return types.String(f(string(v.(types.String)))) }),
	}}
}

// matches is for patterns that are computed; one that is written in the expression is compiled once, by cel-go's optimisation.
func matches(text, pattern ref.Val) ref.Val {
	if n := len(pattern.(types.String)); n > maxPatternBytes {
		return failf("%v", patternTooLong(n))
	}
	expression, err := regexp.Compile(string(pattern.(types.String)))
	if err != nil {
		return failf("%v", patternError(pattern, err))
	}
	return types.Bool(expression.MatchString(string(text.(types.String))))
}

func patternTooLong(n int) error {
	return fmt.Errorf("the regular expression has %d bytes, at most %d are allowed", n, maxPatternBytes)
}

func patternError(pattern ref.Val, err error) error {
	return fmt.Errorf("%s is no regular expression: %s", show(pattern), strings.TrimPrefix(err.Error(), "error parsing regexp: "))
}

func size(v ref.Val) ref.Val { return types.Double(count(v)) }

func codePoints(v ref.Val) ref.Val {
	return types.Double(utf8.RuneCountInString(string(v.(types.String))))
}

// toText writes a number as the shortest decimal that reads back, dates and timestamps as in RFC 3339.
func toText(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Double:
		return types.String(frame.FormatNumber(float64(v)))
	case types.Bool:
		return types.String(strconv.FormatBool(bool(v)))
	case day:
		return types.String(frame.FormatDate(int64(v)))
	case instant:
		return types.String(frame.FormatTimestamp(int64(v)))
	}
	return v
}

// parseNumber reads a number as JSON has them.
func parseNumber(text string) (float64, error) {
	isNumber := text != "" && strings.Contains("-0123456789", text[:1]) && strings.Contains("0123456789", text[len(text)-1:])
	if !isNumber || !json.Valid([]byte(text)) {
		return 0, fmt.Errorf("%s is no number", frame.Quote(text))
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no number that a double can hold", frame.Quote(text))
	}
	return x, nil
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}
