package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxCustomerJSON is the longest text of a customer, in bytes: more fits into no message.
const maxCustomerJSON = 16 << 20

// customerCommands are those of single stored customers; import and export are those of many.
func (c *cli) customerCommands() []*cobra.Command {
	return []*cobra.Command{c.customerGetCommand(), c.customerPutCommand(), c.customerDeleteCommand(), c.customerEraseCommand()}
}

func (c *cli) customerGetCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "get ID",
		Short:   "Show a stored customer",
		Example: "  echelon customer get AW00000701",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			customer, err := server.GetCustomer(ctx, args[0])
			if err != nil {
				return err
			}
			return c.printCustomer(customer)
		}),
	})
}

func (c *cli) customerPutCommand() *cobra.Command {
	var input string
	cmd := c.calls(&cobra.Command{
		Use:   "put --input FILE",
		Short: "Store a customer in place of what was stored of it",
		Long: "Put stores one customer, written as the API writes it: {\"id\": \"acme\", \"attributes\": {\"arr\": 125000}}. An attribute that is left out is\n" +
			"missing afterwards. Its assignment changes with the next run.",
		Example: "  echo '{\"id\": \"acme\", \"attributes\": {\"arr\": 125000}}' | echelon customer put --input -",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			customer, err := readCustomer(input)
			if err != nil {
				return err
			}
			stored, err := server.UpsertCustomer(ctx, customer)
			if err != nil {
				return err
			}
			return c.printCustomer(stored)
		}),
	})
	cmd.Flags().StringVar(&input, "input", "", "the file with the customer in JSON; - is the standard input")
	require(cmd, "input")
	return cmd
}

// readCustomer reads a customer in JSON.
func readCustomer(path string) (customer *echelonv1.Customer, err error) {
	file := io.NopCloser(io.Reader(os.Stdin))
	if path != stdio {
		if file, err = os.Open(path); err != nil {
			return nil, err
		}
	}
	defer func() { err = firstOf(err, file.Close()) }()
	data, err := io.ReadAll(io.LimitReader(file, maxCustomerJSON+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxCustomerJSON {
		return nil, fmt.Errorf("%s is longer than %d MiB: give one customer; import stores many", path, maxCustomerJSON>>20)
	}
	customer = &echelonv1.Customer{}
	if err := protojson.Unmarshal(data, customer); err != nil {
		return nil, fmt.Errorf(`%s is no customer: write {"id": "acme", "attributes": {"arr": 125000}}; import stores files of many (%w)`, path, err)
	}
	return customer, nil
}

func (c *cli) customerDeleteCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "delete ID...",
		Short:   "Remove stored customers",
		Long:    "Delete removes customers; their assignments are hidden from then on. One that is not there is told, and the others go on.",
		Example: "  echelon customer delete AW00000701",
		Args:    cobra.MinimumNArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			var deleted []string
			var missing []error
			for _, id := range args {
				err := server.DeleteCustomer(ctx, id)
				switch {
				case err == nil:
					deleted = append(deleted, id)
				case client.IsNotFound(err):
					missing = append(missing, err)
				default:
					return fmt.Errorf("%d of %d customers were deleted: %w", len(deleted), len(args), err)
				}
			}
			return firstOf(c.printDeleted(deleted), errors.Join(missing...))
		}),
	})
}

func (c *cli) printDeleted(ids []string) error {
	if c.json {
		return c.printJSON(map[string]any{"deleted": append([]string{}, ids...)})
	}
	return c.printf("%d deleted", len(ids))
}

func (c *cli) printCustomer(customer *echelonv1.Customer) error {
	if c.json {
		return c.printMessage(customer)
	}
	return report.Customer(c.stdout, customer)
}
