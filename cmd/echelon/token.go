package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/internal/identity"
)

func (c *cli) tokenCommand() *cobra.Command {
	return group("token", "Make tokens, and their lines for the server's --auth-file", c.tokenNewCommand(), c.tokenHashCommand(os.Stdin))
}

// tokenOptions are whom a token is of.
type tokenOptions struct {
	principal string
	roles     []string
	expires   string
}

func (o *tokenOptions) flags(cmd *cobra.Command) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVar(&o.principal, "principal", "", "the name of whom the token is, which the audit log shows")
	flags.StringSliceVar(&o.roles, "roles", nil, "what the token allows: read, write, publish, admin, with commas between")
	flags.StringVar(&o.expires, "expires", "", "when it ends, such as 2027-01-31 or 2027-01-31T12:00:00Z; never where it is not given")
	for _, name := range []string{"principal", "roles"} {
		// It fails only for a flag that does not exist.
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

// line returns the line of the --auth-file for a token.
func (o *tokenOptions) line(token string) (string, error) {
	if err := identity.CheckName(o.principal); err != nil {
		return "", usagef("--principal: %w", err)
	}
	roles, err := identity.ParseRoles(o.roles)
	if err != nil || roles == 0 {
		return "", usagef("--roles: %w", firstOf(err, errors.New("give some of read, write, publish and admin")))
	}
	end := ""
	if o.expires != "" {
		at, err := identity.ParseExpiry(o.expires)
		if err != nil {
			return "", usagef("--expires: %w", err)
		}
		end = ", expires: " + strconv.Quote(at.UTC().Format(time.RFC3339))
	}
	hash, err := identity.HashToken(token)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("  - {principal: %s, roles: [%s], sha256: %s%s}", strconv.Quote(o.principal), strings.Join(roles.Names(), ", "), hash, end), nil
}

func (c *cli) tokenNewCommand() *cobra.Command {
	var o tokenOptions
	return o.flags(&cobra.Command{
		Use:   "new",
		Short: "Make a token",
		Long: "New prints a token, which is shown once and stored nowhere, and below it the line to put under \"tokens:\" in the server's --auth-file. The\n" +
			"file holds the token's hash alone.",
		Example: "  echelon token new --principal billing --roles read,write --expires 2027-01-31",
		Args:    cobra.NoArgs,
		RunE: c.does(func(context.Context, []string) error {
			token := identity.NewToken()
			line, err := o.line(token)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]string{"token": token, "line": strings.TrimSpace(line)})
			}
			return c.printf("%s\n\ntokens:\n%s", token, line)
		}),
	})
}

func (c *cli) tokenHashCommand(stdin io.Reader) *cobra.Command {
	var o tokenOptions
	return o.flags(&cobra.Command{
		Use:     "hash",
		Short:   "Print the line of a token that stands on standard input",
		Example: "  echelon token hash --principal billing --roles read < token.txt",
		Args:    cobra.NoArgs,
		RunE: c.does(func(context.Context, []string) error {
			text, err := bufio.NewReader(io.LimitReader(stdin, 16<<10)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("reading the token: %w", err)
			}
			line, err := o.line(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			return c.printf("tokens:\n%s", line)
		}),
	})
}
