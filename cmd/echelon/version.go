package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionJSON is what the binary was built from.
type versionJSON struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  echelon version --json",
		Args:    cobra.NoArgs,
		RunE: c.does(func(context.Context, []string) error {
			v := built()
			if c.json {
				return c.printJSON(v)
			}
			return c.printf("echelon %s, revision %s, %s", v.Version, v.Revision, v.Go)
		}),
	}
}

func built() versionJSON {
	v := versionJSON{Version: "(devel)", Revision: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	return v
}
