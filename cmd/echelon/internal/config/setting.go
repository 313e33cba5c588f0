package config

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

const (
	// Prefix is what the variables of the environment begin with.
	Prefix = "ECHELON_"
	// FileFlag is the flag that names the file, and FileVariable the variable that does so where the flag is not given.
	FileFlag     = "config"
	FileVariable = Prefix + "CONFIG"
)

// noSettings are flags that say what one command line does, not how a program is set up.
var noSettings = []string{"help", "json", FileFlag}

// Group is flags that are set together.
type Group struct {
	// Name is the key of the file that they stand below; empty for the top of the file.
	Name string
	// Flags are the flags. They are given their values where the group is loaded.
	Flags *pflag.FlagSet
	// Skip names flags that only the command line sets.
	Skip []string
}

// Setting is one value that can be set.
type Setting struct {
	// Key is its name in the file: that of the flag, below its group's, such as "client.tls-ca".
	Key string
	// Variable is its name in the environment, such as "ECHELON_CLIENT_TLS_CA".
	Variable string
	// Flag is its flag.
	Flag *pflag.Flag
}

// Settings returns what can be set of a group, by name.
func (g Group) Settings() []Setting {
	var list []Setting
	g.Flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || slices.Contains(noSettings, f.Name) || slices.Contains(g.Skip, f.Name) {
			return
		}
		key := g.key(f.Name)
		list = append(list, Setting{Key: key, Variable: variable(key), Flag: f})
	})
	return list
}

func (g Group) key(name string) string {
	if g.Name == "" {
		return name
	}
	return g.Name + "." + name
}

func variable(key string) string {
	return Prefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(key))
}
