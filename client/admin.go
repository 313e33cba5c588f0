package client

import (
	"context"
	"io"

	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Backup writes the file of a backup of the whole store: a full one where base is nil, else what changed since the base. The file is whole only where
// no error is returned. BACKUP_BASE_MISMATCH where the base is of another history.
func (c *Client) Backup(ctx context.Context, base *echelonv1.BackupBase, to io.Writer) error {
	open := func(ctx context.Context) (grpc.ServerStreamingClient[echelonv1.BackupResponse], error) {
		return c.admin.Backup(ctx, &echelonv1.BackupRequest{Base: base})
	}
	pieces := export(ctx, c.stall, open, func(res *echelonv1.BackupResponse) [][]byte { return [][]byte{res.GetData()} })
	for piece, err := range pieces {
		if err != nil {
			return err
		}
		if _, err := to.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// GetSchema returns the attributes that stored customers can have.
func (c *Client) GetSchema(ctx context.Context) (*echelonv1.Schema, error) {
	res, err := c.customers.GetSchema(ctx, &echelonv1.GetSchemaRequest{})
	return answered(res.GetSchema(), err)
}
