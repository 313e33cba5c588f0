package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// kind is what the values of a flag are.
type kind int

const (
	text kind = iota
	truth
	whole
	number
	duration
	list
)

func kindOf(f *pflag.Flag) kind {
	if _, many := f.Value.(pflag.SliceValue); many {
		return list
	}
	switch t := f.Value.Type(); {
	case t == "bool":
		return truth
	case t == "duration":
		return duration
	case strings.HasPrefix(t, "float"):
		return number
	case t == "count", strings.HasPrefix(t, "int"), strings.HasPrefix(t, "uint"):
		return whole
	}
	return text
}

// words says of each kind what its values are, and how to write one.
var words = map[kind]struct{ is, write string }{
	text:     {"a text", "put it in quotes"},
	truth:    {"true or false", "write true or false, without quotes"},
	whole:    {"a whole number", "write digits alone, without quotes or a unit"},
	number:   {"a number", "write it without quotes or a unit, such as 0.5"},
	duration: {"a duration", "write a number and its unit, such as 90s, 5m or 1h30m"},
	list:     {"a list of texts", "write [one, two]"},
}

// tags are the tags of YAML that a kind takes. A text in quotes that holds a number is none, and 5 is no text: what is meant is written.
var tags = map[kind][]string{
	text: {"!!str"}, truth: {"!!bool"}, whole: {"!!int"}, number: {"!!int", "!!float"}, duration: {"!!str"}, list: {"!!str"},
}

// set gives a flag the value of a text, and says what is wrong with it where that cannot be.
func set(f *pflag.Flag, value string) (wrong, remedy string) {
	k := kindOf(f)
	err := f.Value.Set(value)
	if err == nil {
		return "", ""
	}
	if k != list {
		_ = f.Value.Set(f.DefValue) // which a flag prints of itself
	}
	quoted := strconv.Quote(value)
	if wellFormed(k, value) {
		// The form is right, and the flag has rules of its own, such as how large a number may be.
		if k == whole {
			return quoted + " is out of range", rangeOf(f)
		}
		return quoted + ": " + err.Error(), ""
	}
	return quoted + " is not " + words[k].is, words[k].write
}

// wellFormed reports whether a text has the form of a kind.
func wellFormed(k kind, value string) bool {
	switch k {
	case truth:
		_, err := strconv.ParseBool(value)
		return err == nil
	case whole:
		var n yaml.Node
		return yaml.Unmarshal([]byte(value), &n) == nil && len(n.Content) == 1 && n.Content[0].Tag == "!!int"
	case number:
		_, err := strconv.ParseFloat(value, 64)
		return err == nil
	case duration:
		_, err := time.ParseDuration(value)
		return err == nil
	}
	return true
}

// rangeOf says what numbers a flag takes.
func rangeOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "uint8":
		return "give 0 to 255"
	case "uint16":
		return "give 0 to 65535"
	case "uint32":
		return "give 0 to 4294967295"
	case "uint", "uint64":
		return "give 0 or more"
	}
	return "give a smaller number"
}
