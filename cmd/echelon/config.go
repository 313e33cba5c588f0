package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/server"
)

func (c *cli) configCommand() *cobra.Command {
	return group("config", "Check and show how a server is set up",
		c.configured("check", "Check the configuration, as serve would find it",
			`Check looks for everything that is wrong with the configuration file, the variables of the environment and the flags: unknown keys, values of the
wrong type or out of range, combinations that serve refuses, and files that it could not use. All of it is listed, with its place; nothing is
started or changed. It ends with 0 where serve would start, warnings or not, and with 2 otherwise.`,
			c.checkConfig),
		c.configured("show", "Show what is in force, and where it comes from",
			`Show lists every setting with its value in force and where that comes from: a flag, a variable of the environment, a line of the file, or the
default. Secrets are not shown. What is wrong is told as "echelon config check" tells it, without a look at the files.`,
			c.showConfig),
	)
}

// configured is a command about the configuration that serve would have under the same flags.
func (c *cli) configured(use, short, long string, do func(o *serveOptions, settings *config.Config) error) *cobra.Command {
	o := &serveOptions{server: server.DefaultConfig()}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		Example: "  echelon config " + use + " --config echelon.yaml\n  ECHELON_LISTEN=127.0.0.1:7171 echelon config " + use,
	}
	o.bind(cmd.Flags())
	c.configFlag(cmd)
	cmd.RunE = c.does(func(context.Context, []string) error {
		settings, err := c.configure(config.Group{Flags: cmd.Flags()}, config.Group{Name: clientGroup, Flags: callFlags()})
		if err != nil {
			return err
		}
		o.check(settings)
		return do(o, settings)
	})
	return cmd
}

func (c *cli) checkConfig(o *serveOptions, settings *config.Config) error {
	o.checkFiles(settings, time.Now())
	settings.Findings.Sort()
	if c.json {
		if err := c.printJSON(struct {
			Findings []findingJSON `json:"findings"`
		}{findingsJSON(settings.Findings)}); err != nil {
			return err
		}
	} else if err := settings.Findings.Format(c.stdout, 0); err != nil {
		return err
	}
	if n := len(settings.Findings.Mistakes()); n > 0 {
		return usagef("mistakes in the configuration: %d; serve does not start with them", n)
	}
	if c.json {
		return nil
	}
	set := 0
	for _, v := range settings.Values {
		if v.Source != config.Default {
			set++
		}
	}
	return c.printf("The configuration can be used. Settings that are set: %d, by default: %d.", set, len(settings.Values)-set)
}

// settingJSON is one setting as JSON.
type settingJSON struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Source   string `json:"source"`
	Variable string `json:"variable"`
}

func (c *cli) showConfig(_ *serveOptions, settings *config.Config) error {
	var rows []settingJSON
	for _, v := range settings.Values {
		rows = append(rows, settingJSON{v.Key, v.Shown(), v.Source, v.Variable})
	}
	if os.Getenv(tokenVariable) != "" {
		rows = append(rows, settingJSON{"", "set, not shown", tokenVariable, tokenVariable})
	}
	var err error
	if c.json {
		err = c.printJSON(struct {
			File     string        `json:"file"`
			Settings []settingJSON `json:"settings"`
		}{settings.File, rows})
	} else {
		cells := make([][]string, len(rows))
		for i, r := range rows {
			cells[i] = []string{r.Key, r.Value, r.Source}
		}
		err = report.Settings(c.stdout, cells)
	}
	if err != nil {
		return err
	}
	for _, warning := range settings.Findings.Warnings() {
		c.advise("%s", warning)
	}
	return c.sound(settings)
}
