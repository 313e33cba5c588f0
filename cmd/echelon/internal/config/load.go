package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/engine/diag"
)

// Default is the source of a value that nobody set.
const Default = "default"

// Value is the value of a setting, and where it came from.
type Value struct {
	Setting
	// Text is the value as a flag writes it.
	Text string
	// Source is the file with line and column, the variable, the flag, or Default.
	Source string
	// Place is where in the file it stands; zero where it does not.
	Place diag.Place
}

// Config is the values of all settings.
type Config struct {
	// File is the file that was read; empty where there is none.
	File string
	// Values are in the order of the groups, by key.
	Values []Value
	// Findings are what is wrong, with places.
	Findings diag.List

	file *file
}

// Variables are variables with the prefix that are no settings, by who reads them: they are not told as unknown.
var Variables = map[string]string{
	FileVariable:     "the configuration file, where --config does not name it",
	Prefix + "TOKEN": "the token of the commands that call a server, where --token-file does not name a file with it",
}

// testVariables are read by the tests and `make`.
var testVariables = []string{Prefix + "KILLS", Prefix + "TEST_"}

// Load gives the flags of the groups their values: a flag that was given on the command line keeps its own, others get those of the environment or
// else of the file. Known are all groups that the file may have. An error is that the file cannot be read; everything else is a finding.
func Load(groups, known []Group, name string, environ []string) (*Config, error) {
	if name == "" {
		name = lookup(environ, FileVariable)
	}
	c := &Config{File: name, file: &file{}}
	if name != "" {
		var err error
		if c.file, err = readFile(name, known); err != nil {
			return nil, err
		}
		c.Findings = c.file.found
	}
	for _, group := range groups {
		if err := c.load(group, environ); err != nil {
			return nil, err
		}
	}
	c.unknownVariables(known, environ)
	c.Findings.Sort()
	return c, nil
}

// lookup returns the last value of a variable, as a shell does; one that is empty counts as not set.
func lookup(environ []string, name string) string {
	value := ""
	for _, one := range environ {
		if v, ok := strings.CutPrefix(one, name+"="); ok {
			value = v
		}
	}
	return value
}

// load gives the flags of a group their values.
func (c *Config) load(group Group, environ []string) error {
	settings := group.Settings()
	byVariable, byFlag := make(map[string]Setting), make(map[string]Setting)
	for _, s := range settings {
		byVariable[s.Variable], byFlag[s.Flag.Name] = s, s
	}
	merged, sources := koanf.New("."), make(map[string]string)
	add := func(p koanf.Provider, source func(key string) string) error {
		layer := koanf.New(".")
		if err := layer.Load(p, nil); err != nil {
			return fmt.Errorf("reading the configuration: %w", err)
		}
		for _, key := range layer.Keys() {
			sources[key] = source(key)
		}
		return merged.Merge(layer)
	}
	variables := env.Provider(".", env.Opt{
		Prefix: Prefix, EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" {
				return "", nil
			}
			return byVariable[name].Key, value
		},
	})
	given := posflag.ProviderWithFlag(group.Flags, ".", nil, func(f *pflag.Flag) (string, any) { return byFlag[f.Name].Key, f.Value.String() })
	err := add(c.file, func(key string) string { return c.file.places[key].String() })
	if err == nil {
		err = add(variables, variable)
	}
	if err == nil {
		err = add(given, func(key string) string { return "--" + strings.TrimPrefix(key, group.Name+".") })
	}
	if err != nil {
		return err
	}
	for _, s := range settings {
		c.apply(s, merged, sources[s.Key])
	}
	return nil
}

// apply gives a flag its value.
func (c *Config) apply(s Setting, merged *koanf.Koanf, source string) {
	v := Value{Setting: s, Source: source}
	if place := c.file.places[s.Key]; source == place.String() && source != "" {
		v.Place = place
	}
	switch {
	case source == "":
		v.Source = Default
	case s.Flag.Changed:
	default:
		wrong, remedy := c.give(s.Flag, merged.Get(s.Key))
		if wrong != "" {
			c.at(v, wrong, remedy)
		}
	}
	v.Text = s.Flag.Value.String()
	c.Values = append(c.Values, v)
}

func (c *Config) give(f *pflag.Flag, value any) (wrong, remedy string) {
	if parts, many := value.([]string); many {
		if err := f.Value.(pflag.SliceValue).Replace(parts); err != nil {
			return err.Error(), ""
		}
		return "", ""
	}
	return set(f, value.(string))
}

// at notes a mistake of a value where it came from.
func (c *Config) at(v Value, message, remedy string) {
	f := diag.Finding{Path: v.Source, Offset: diag.WholeValue, Message: message, Remedy: remedy}
	if v.Place != (diag.Place{}) {
		f.Path, f.Place, f.Source = v.Key, v.Place, c.file.line(v.Place.Line)
	}
	c.Findings.Add(f)
}

// Mistake notes what is wrong with the values of some flags, where the first of them that is not a default came from.
func (c *Config) Mistake(message string, flags ...string) {
	for _, name := range flags {
		for _, v := range c.Values {
			if v.Flag.Name != name || v.Source == Default {
				continue
			}
			if v.Flag.Changed {
				break // the message names the flag
			}
			c.at(v, message, "")
			return
		}
	}
	c.Findings.Mistakef("", "", "%s", message)
}

// unknownVariables warns of variables that look like settings and are none.
func (c *Config) unknownVariables(known []Group, environ []string) {
	names := slices.Sorted(maps.Keys(Variables))
	for _, group := range known {
		for _, s := range group.Settings() {
			names = append(names, s.Variable)
		}
	}
	for _, one := range environ {
		name, _, _ := strings.Cut(one, "=")
		if !strings.HasPrefix(name, Prefix) || slices.Contains(names, name) ||
			slices.ContainsFunc(testVariables, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		c.Findings.Warnf(name, diag.DidYouMean(name, names), "this variable sets nothing")
	}
}

// Shown is the value for people to see: the password of a URL is not.
func (v Value) Shown() string {
	if u, err := url.Parse(v.Text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return v.Text
}
