package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	modelInvalid   = echelonv1.ErrorReason_MODEL_INVALID
	defaultAddress = "127.0.0.1:7070"
)

// cli is what the commands share.
type cli struct {
	// stdout gets results, stderr progress, advice and errors.
	stdout, stderr io.Writer
	// line is the progress that is being drawn; nil where none is.
	line *progress.Line
	// results is what the output - is written to where stdout has been given away; nil where that is stdout.
	results io.Writer
	// json asks for results as JSON.
	json bool
	// address is the server's.
	address string
	// remote is how the server is called.
	remote remote
	// configFile is the configuration file; empty where the environment may name it.
	configFile string
	// started is set once a command was understood.
	started bool
}

// run runs a command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &cli{stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	code := codeOf(ctx, err, c.started)
	if err != nil {
		tell(stderr, err, code)
	}
	return code
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "echelon",
		Short: "Segment, score and tier customers",
		Long: "Echelon segments, scores and tiers customers by a model that you write: who they are, what they are worth, how much to invest in them.\n\n" +
			exitHelp,
		Example:       "  echelon score --model model.yaml --input customers.csv --id-column id --output tiers.csv",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print results as JSON")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		c.scoreCommand(), c.modelCommand(), c.importCommand(), c.exportCommand(), c.runCommand(), c.getCommand(), c.explainCommand(), c.serveCommand(), c.tokenCommand(), c.auditCommand(), c.overrideCommand(), c.reviewCommand(), c.historyCommand(), c.watchCommand(), c.demoCommand(), c.versionCommand(),
		group("customer", "Show, store, delete and erase single customers", c.customerCommands()...), c.assignmentCommand(),
		c.schemaCommand(), c.familyCommand(), c.backupCommand(), c.restoreCommand(), c.doctorCommand(),
	)
	root.AddCommand(c.configCommand())
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = func(_ *cobra.Command, topic []string) error {
			found, rest, err := root.Find(topic)
			if err != nil {
				return err
			}
			return noCommand(found, rest)
		}
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd.HasSubCommands() { // of a command that there is not no flag is known: that is what is wrong
			return firstOf(noCommand(cmd, cmd.Flags().Args()), err)
		}
		return err
	})
	sayArguments(root)
	return root
}

// sayArguments lets all commands say what they take when they are given something else.
func sayArguments(cmd *cobra.Command) {
	for _, one := range cmd.Commands() {
		sayArguments(one)
	}
	check := cmd.Args
	if check == nil || cmd.HasSubCommands() || cmd.Name() == "help" {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			_, takes, _ := strings.Cut(cmd.Use, " ")
			if takes == "" {
				return fmt.Errorf("%s takes flags alone, and %s is none", cmd.CommandPath(), frame.Quote(args[0]))
			}
			return fmt.Errorf("%w: it is %s", err, strings.TrimSpace(cmd.CommandPath()+" "+takes))
		}
		return nil
	}
}

// noCommand refuses what is left where a command was looked for, with the commands that may have been meant.
func noCommand(cmd *cobra.Command, rest []string) error {
	err := cobra.NoArgs(cmd, rest)
	if err == nil {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(rest[0]); len(near) > 0 {
		return fmt.Errorf("%w (did you mean %s?)", err, strings.Join(near, " or "))
	}
	return err
}

// action is what a command does once it was understood.
type action = func(ctx context.Context, args []string) error

// does makes an action what a command runs.
func (c *cli) does(do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c.started = true
		return do(cmd.Context(), args)
	}
}

// calls makes a command one that calls the server.
func (c *cli) calls(cmd *cobra.Command) *cobra.Command {
	c.callFlags(cmd)
	c.configurable(cmd)
	return cmd
}

// callFlags are the flags of a command that calls the server.
func (c *cli) callFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.address, "address", defaultAddress, "the server's HOST:PORT")
	c.remote.flags(cmd)
}

// group makes a command that has commands. Without one of them it prints its help.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: noCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// dialed is an action that calls the server.
type dialed = func(ctx context.Context, server *client.Client, args []string) error

// calling makes an action of one that calls the server.
func (c *cli) calling(do dialed) func(*cobra.Command, []string) error {
	return c.does(func(ctx context.Context, args []string) (err error) {
		server, err := c.dial()
		if err != nil {
			return err
		}
		defer func() { err = firstOf(err, server.Close()) }()
		return c.reached(do(c.remote.context(ctx), server, args))
	})
}

func (c *cli) dial() (*client.Client, error) {
	options, err := c.remote.options()
	if err != nil {
		return nil, err
	}
	options = append(options, client.WithResuming(func(cause error, _ int, pause time.Duration) {
		if c.line != nil {
			c.line.Stop()
		}
		c.advise("the stream broke and goes on after the last answer, in %s: %s", pause.Round(time.Millisecond), oneLine(cause.Error()))
	}))
	server, err := client.Dial(c.address, options...)
	if err != nil {
		return nil, usagef("the address %q cannot be called: %w", c.address, err)
	}
	return server, nil
}

// reached says what to do where an error is that no server could be reached.
func (c *cli) reached(err error) error {
	if client.IsUnavailable(err) && client.ReasonOf(err) == echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return fmt.Errorf("no server answers at %s: start one by \"echelon serve\", or say by --address where it is, and by --tls or --tls-ca that it takes TLS alone: %w", c.address, err)
	}
	return err
}

// firstOf returns the first error that is one.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// messageJSON returns a message as JSON, by proto names, zeros included, the same at every time.
func messageJSON(m proto.Message) (json.RawMessage, error) {
	data, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	// protojson puts blanks in at random, so that nobody relies on its form; people compare what is printed here.
	var steady bytes.Buffer
	err = json.Compact(&steady, data)
	return steady.Bytes(), err
}

// printMessage prints a message of the API as JSON.
func (c *cli) printMessage(m proto.Message) error {
	data, err := messageJSON(m)
	if err != nil {
		return err
	}
	return c.printJSON(data)
}

// printJSON prints a value as JSON, in several lines.
func (c *cli) printJSON(value any) error {
	encoder := json.NewEncoder(c.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// printf prints a line of a result.
func (c *cli) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.stdout, format+"\n", args...)
	return err
}

// advise writes a line that is no result. That it cannot be written stops no work.
func (c *cli) advise(format string, args ...any) {
	_, _ = fmt.Fprintf(c.stderr, format+"\n", args...)
}
