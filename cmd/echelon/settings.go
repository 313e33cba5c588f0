package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/server"
)

// clientGroup is the part of a configuration file about the commands that call a server.
const clientGroup = "client"

// knownSettings are all settings there are: those of serve and those of the commands that call a server.
func knownSettings() []config.Group {
	serve := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	(&serveOptions{server: server.DefaultConfig()}).bind(serve)
	return []config.Group{{Flags: serve}, {Name: clientGroup, Flags: callFlags()}}
}

// configFlag makes a command take the name of a configuration file.
func (c *cli) configFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.configFile, config.FileFlag, "", "YAML file of settings; without it, "+config.FileVariable+" names one")
}

// configurable makes the flags with which a command calls a server settings, but for those that only the command line sets.
func (c *cli) configurable(cmd *cobra.Command, skip ...string) {
	c.configFlag(cmd)
	common := callFlags()
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		flags := pflag.NewFlagSet(clientGroup, pflag.ContinueOnError)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if common.Lookup(f.Name) != nil {
				flags.AddFlag(f)
			}
		})
		settings, err := c.configure(config.Group{Name: clientGroup, Flags: flags, Skip: skip})
		if err != nil {
			return err
		}
		return c.sound(settings)
	}
}

// callFlags are the flags with which commands call a server.
func callFlags() *pflag.FlagSet {
	c, cmd := &cli{}, &cobra.Command{}
	c.callFlags(cmd)
	return cmd.Flags()
}

// configure gives the flags of a group their values from the file and the environment.
func (c *cli) configure(groups ...config.Group) (*config.Config, error) {
	settings, err := config.Load(groups, knownSettings(), c.configFile, os.Environ())
	if err != nil {
		return nil, &failure{exitFailure, err}
	}
	return settings, nil
}

// sound returns the error of a configuration with mistakes, after telling all of them.
func (c *cli) sound(settings *config.Config) error {
	settings.Findings.Sort()
	mistakes := settings.Findings.Mistakes()
	switch len(mistakes) {
	case 0:
		return nil
	case 1:
		return usagef("%s", mistakes[0])
	}
	if err := mistakes.Format(c.stderr, 0); err != nil {
		return err
	}
	return usagef("the configuration has %d mistakes", len(mistakes))
}
