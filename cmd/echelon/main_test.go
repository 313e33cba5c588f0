package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/internal/identity/identitytest"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"echelon": main}) }

// rule FILE-8, FILE-14, FILE-16: score.txtar; FILE-10, FILE-11, FILE-12, FILE-13: refused.txtar; FILE-6: files.txtar; FILE-3: ids.txtar;
// FILE-17: unscored.txtar
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SOON", time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly)) // a day to come
			return certify(t, env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "serve": serve},
	})
}

// certify gives the script about identity its certificates: of a server, of a loader, and of an authority that nobody trusts.
func certify(t *testing.T, env *testscript.Env) error {
	if filepath.Base(env.WorkDir) != "script-identity" {
		return nil
	}
	authority := identitytest.NewAuthority(t)
	identitytest.Write(t, env.WorkDir, "ca.crt", authority.PEM)
	identitytest.Write(t, env.WorkDir, "strange.crt", identitytest.NewAuthority(t).PEM)
	authority.Write(env.WorkDir, "server", identitytest.Leaf{CN: "server"})
	authority.Write(env.WorkDir, "loader", identitytest.Leaf{CN: "loader"})
	return nil
}

// exits runs echelon and checks its exit code: exits CODE ARGUMENT...
func exits(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) == 0 {
		ts.Fatalf("usage: exits CODE ARGUMENT...")
	}
	err := ts.Exec("echelon", args[1:]...)
	code := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		code = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("echelon: %v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("the exit code is %d, want %s", code, args[0])
	}
}

const tinyModel = `name: tiny
attributes: [{name: arr, type: NUMBER}]
scores: [{name: value, missing: FAIL, criteria: [{name: arr, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}, {name: twice, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 200}}}]}]
tierings: [{name: coverage, linear: {score: value, tiers: [{name: high-touch, cut: {min_score: 50}}, {name: tech-touch}]}}]
`

// writer calls a function before each write.
type writer struct {
	bytes.Buffer
	before func(text string)
}

func (w *writer) Write(p []byte) (int, error) {
	w.before(string(p))
	return w.Buffer.Write(p)
}

func TestAnInterruptedScoreLeavesNothingHalfDone(t *testing.T) {
	for _, at := range []string{"rows read", "customers scored"} {
		t.Run(at, func(t *testing.T) {
			in := t.TempDir()
			model, input, output := filepath.Join(in, "m.yaml"), filepath.Join(in, "in.csv"), filepath.Join(in, "out.csv")
			for file, text := range map[string]string{model: tinyModel, input: "id,arr\na,1\n", output: "what was there before"} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout bytes.Buffer
			stderr := &writer{before: func(text string) {
				if strings.Contains(text, at) {
					cancel()
				}
			}}
			code := run(ctx, []string{"score", "--model", model, "--input", input, "--id-column", "id", "--output", output}, &stdout, stderr)
			kept, err := os.ReadFile(output)
			files, globErr := filepath.Glob(filepath.Join(in, ".*"))
			if at == "rows read" && (code != exitInterrupted || string(kept) != "what was there before" || stdout.Len() > 0) {
				t.Errorf("code %d, output %q, stdout %q, stderr %q", code, kept, stdout.String(), stderr.String())
			}
			if at == "customers scored" && (code != exitFine || !strings.HasPrefix(string(kept), "id,score.value")) {
				t.Errorf("code %d, output %q: what came too late to stop the work must not undo it", code, kept)
			}
			if err != nil || globErr != nil || len(files) > 0 {
				t.Errorf("%v, %v: left behind: %v", err, globErr, files)
			}
		})
	}
}

func TestEveryCommandHasHelpAndAnExample(t *testing.T) {
	root := (&cli{}).root()
	commands := root.Commands()
	for len(commands) > 0 {
		cmd := commands[0]
		commands = append(commands[1:], cmd.Commands()...)
		if cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if cmd.Short == "" {
			t.Errorf("%s has no help", cmd.CommandPath())
		}
		if cmd.Example == "" && needsMore(cmd) {
			t.Errorf("%s has no example, and cannot be run as it stands", cmd.CommandPath())
		}
	}
	if !strings.Contains(root.Long, exitHelp) {
		t.Error("the exit codes are not documented")
	}
}

// needsMore reports whether a command cannot be run without arguments or flags.
func needsMore(cmd *cobra.Command) bool {
	more := strings.Contains(cmd.Use, " ")
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		more = more || len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0
	})
	return more
}
