package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
)

// values are what the flags of these tests set.
type values struct {
	name    string
	on      bool
	count   uint32
	share   float64
	wait    time.Duration
	many    []string
	address string
}

func (v *values) groups(arguments ...string) []config.Group {
	top, client := pflag.NewFlagSet("top", pflag.ContinueOnError), pflag.NewFlagSet("client", pflag.ContinueOnError)
	top.StringVar(&v.name, "name", "nobody", "a name")
	top.BoolVar(&v.on, "on", false, "a switch")
	top.Uint32Var(&v.count, "max-count", 7, "a count")
	top.Float64Var(&v.share, "share", 0.5, "a share")
	top.DurationVar(&v.wait, "wait", time.Minute, "a time")
	top.StringSliceVar(&v.many, "many", []string{"a"}, "several")
	top.Bool("json", false, "no setting")
	client.StringVar(&v.address, "address", "here", "an address")
	if err := top.Parse(arguments); err != nil {
		panic(err)
	}
	return []config.Group{{Flags: top}, {Name: "client", Flags: client}}
}

// load loads a text of a file, the environment and a command line.
func load(t *testing.T, file string, environ, arguments []string) (*values, *config.Config) {
	t.Helper()
	v, name := &values{}, ""
	if file != "" {
		name = filepath.Join(t.TempDir(), "e.yaml")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	groups := v.groups(arguments...)
	c, err := config.Load(groups, groups, name, environ)
	if err != nil {
		t.Fatal(err)
	}
	return v, c
}

// told is the findings, without the folder of the file.
func told(c *config.Config) string {
	var lines []string
	for _, f := range c.Findings {
		lines = append(lines, f.String())
	}
	all := strings.Join(lines, "\n")
	if c.File != "" {
		all = strings.ReplaceAll(all, c.File, "e.yaml")
	}
	return all
}

func TestFlagsGoBeforeVariablesAndVariablesBeforeTheFile(t *testing.T) {
	const file = "name: file\nmax-count: 1\nwait: 2m\nclient: {address: file}\n"
	v, c := load(t, file, []string{"ECHELON_NAME=variable", "ECHELON_WAIT=3m", "ECHELON_SHARE="}, []string{"--wait", "4m"})
	if diff := cmp.Diff(values{name: "variable", count: 1, share: 0.5, wait: 4 * time.Minute, many: []string{"a"}, address: "file"}, *v, cmp.AllowUnexported(values{})); diff != "" {
		t.Error(diff)
	}
	sources := make(map[string]string)
	for _, value := range c.Values {
		sources[value.Key] = strings.ReplaceAll(value.Source, c.File, "e.yaml")
	}
	want := map[string]string{
		"name": "ECHELON_NAME", "max-count": "e.yaml:2:12", "wait": "--wait", "share": "default", "on": "default", "many": "default", "client.address": "e.yaml:4:19",
	}
	if diff := cmp.Diff(want, sources); diff != "" || len(c.Findings) > 0 {
		t.Errorf("%s%s", diff, told(c))
	}
}

func TestEveryKindIsReadFromEverySource(t *testing.T) {
	want := values{name: "5", on: true, count: 16, share: 1, wait: 90 * time.Second, many: []string{"x", "y"}, address: "there"}
	for name, given := range map[string]struct {
		file    string
		environ []string
	}{
		"the file": {file: "name: '5'\non: true\nmax-count: 0x10\nshare: 1\nwait: 1m30s\nmany: [x, y]\nclient:\n  address: there\n"},
		"the environment": {environ: []string{
			"ECHELON_NAME=5", "ECHELON_ON=true", "ECHELON_MAX_COUNT=16", "ECHELON_SHARE=1", "ECHELON_WAIT=1m30s", "ECHELON_MANY=x,y", "ECHELON_CLIENT_ADDRESS=there",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v, c := load(t, given.file, given.environ, nil)
			if diff := cmp.Diff(want, *v, cmp.AllowUnexported(values{})); diff != "" || len(c.Findings) > 0 {
				t.Errorf("%s%s", diff, told(c))
			}
		})
	}
}

func TestWhatIsWrongIsToldWithPlaceAndRemedy(t *testing.T) {
	for _, test := range []struct {
		name    string
		file    string
		environ []string
		want    []string
	}{
		{"an unknown key", "nam: x", nil, []string{`e.yaml:1:1: nam: unknown key (did you mean "name"?)`}},
		{"a key of a group at the top", "address: x", nil, []string{`e.yaml:1:1: address: unknown key (its key is "client.address"`}},
		{"a key of the top in a group", "client:\n  name: x", nil, []string{`e.yaml:2:3: client.name: unknown key (its key is "name"`}},
		{"a flag that is no setting", "json: true", nil, []string{`e.yaml:1:1: json: unknown key`}},
		{"a key twice", "name: a\nname: b", nil, []string{`e.yaml:2:1: name: the key stands in line 1 already (keep one of them)`}},
		{"a number for a text", "name: 5", nil, []string{`e.yaml:1:7: name: the value must be a text, not the number 5 (put it in quotes)`}},
		{"a text for a switch", "on: yes", nil, []string{`e.yaml:1:5: on: the value must be true or false, not the text "yes"`}},
		{"a text for a number", "max-count: '5'", nil, []string{`must be a whole number, not the text "5"`}},
		{"a fraction for a whole number", "max-count: 1.5", nil, []string{`must be a whole number, not the number 1.5`}},
		{"a number below the range", "max-count: -1", nil, []string{`e.yaml:1:12: max-count: "-1" is out of range (give 0 to 4294967295)`}},
		{"a duration without a unit", "wait: 5", nil, []string{`e.yaml:1:7: wait: the value must be a duration, not the number 5 (write a number and its unit, such as 90s`}},
		{"a duration that is none", "wait: soon", nil, []string{`wait: "soon" is not a duration`}},
		{"no value", "name:", nil, []string{`the key has no value (give one, or remove the line)`}},
		{"a mapping for a value", "name: {a: b}", nil, []string{`must be a text, not keys and values`}},
		{"a list for a value", "name: [a]", nil, []string{`must be a text, not a list`}},
		{"a number in a list", "many: [a, 1]", nil, []string{`e.yaml:1:11: many: an entry of the list must be a text, not the number 1`}},
		{"a value for a group", "client: x", nil, []string{`e.yaml:1:9: client: here must stand keys and their values, not the text "x"`}},
		{"a list for the file", "- name", nil, []string{`e.yaml:1:1: here must stand keys and their values, not a list`}},
		{"an anchor", "name: &a x\nclient: {address: *a}", nil, []string{"e.yaml:1:7: name: anchors", "e.yaml:2:19: client.address: anchors"}},
		{"two documents", "name: a\n---\nname: b", nil, []string{"a second document begins here"}},
		{"no YAML", "name: a\n\tx: y", nil, []string{"e.yaml:2:1: this is no YAML: found a tab character that violates indentation (indent with spaces, not tabs)"}},
		{"no YAML in the first line", "name: a: b", nil, []string{"e.yaml:1:1: this is no YAML"}},
		{"a variable of the wrong type", "", []string{"ECHELON_ON=maybe", "ECHELON_MAX_COUNT=4294967296"},
			[]string{`ECHELON_ON: "maybe" is not true or false`, `ECHELON_MAX_COUNT: "4294967296" is out of range`}},
		{"an unknown variable", "", []string{"ECHELON_NAMES=x"}, []string{`warning: ECHELON_NAMES: this variable sets nothing (did you mean "ECHELON_NAME"?)`}},
		{"several at once", "nam: x\nwait: 5\non: 1", []string{"ECHELON_SHARE=much"}, []string{"nam:", "wait:", "on:", `ECHELON_SHARE: "much" is not a number`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, c := load(t, test.file, test.environ, nil)
			for _, want := range test.want {
				if !strings.Contains(told(c), want) {
					t.Errorf("%q does not say %q", told(c), want)
				}
			}
			if len(c.Findings) < len(test.want) {
				t.Errorf("%d findings, want %d:\n%s", len(c.Findings), len(test.want), told(c))
			}
			if v.count != 7 || v.wait != time.Minute {
				t.Errorf("what is wrong was taken: %+v", v)
			}
		})
	}
}

func TestWhatIsNoSettingIsLeftAlone(t *testing.T) {
	_, c := load(t, "# nothing\n", []string{"ECHELON_TOKEN=x", "ECHELON_KILLS=5", "ECHELON_TEST_LOAD=1", "ECHELONISH=1", "PATH=/bin", "ECHELON_ON="}, nil)
	if len(c.Findings) > 0 {
		t.Error(told(c))
	}
	if slices.ContainsFunc(c.Values, func(v config.Value) bool { return v.Source != config.Default }) {
		t.Errorf("%+v", c.Values)
	}
}

func TestThePasswordOfAURLIsNotShown(t *testing.T) {
	_, c := load(t, "name: https://ann:secret@example.org/keys", nil, nil)
	for _, v := range c.Values {
		if strings.Contains(v.Shown(), "secret") {
			t.Errorf("%s is shown as %s", v.Key, v.Shown())
		}
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	groups := (&values{}).groups()
	for _, name := range []string{filepath.Join(t.TempDir(), "nowhere.yaml"), t.TempDir()} {
		if _, err := config.Load(groups, groups, "", []string{"ECHELON_CONFIG=" + name}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"name: x", "client: {address: y}", "a: &b [*b]", "- 1", "wait: 1e9h", "\t", "name: !!binary x", "? [a]\n: b", "<<: {name: x}", "max-count: 0o7"} {
		f.Add(seed, "ECHELON_WAIT=1m")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		name := filepath.Join(t.TempDir(), "e.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		groups := (&values{}).groups()
		c, err := config.Load(groups, groups, name, []string{variable})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Findings {
			if strings.TrimSpace(f.Message) == "" {
				t.Errorf("a finding says nothing: %+v", f)
			}
		}
	})
}
