package client

import (
	"context"
	"errors"
	"io"
	"iter"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Audit iterates over the audit log, the newest entry first. The filter is that of the request; its page token is not used.
func (c *Client) Audit(ctx context.Context, filter *echelonv1.ListAuditRequest) iter.Seq2[*echelonv1.AuditEntry, error] {
	return pages(func(token string) ([]*echelonv1.AuditEntry, string, error) {
		res, err := c.audit.ListAudit(ctx, &echelonv1.ListAuditRequest{
			Actor: filter.GetActor(), Subject: filter.GetSubject(), PageSize: filter.GetPageSize(), PageToken: token,
		})
		return res.GetEntries(), res.GetNextPageToken(), err
	})
}

// WatchAudit iterates over what is in the audit log after a cursor, the oldest first, and goes on with what comes until ctx ends or the caller
// leaves its loop. Each message has the cursor with which another watch goes on.
func (c *Client) WatchAudit(ctx context.Context, cursor string) iter.Seq2[*echelonv1.WatchAuditResponse, error] {
	return sequence(func(emit func(*echelonv1.WatchAuditResponse) error) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := c.audit.WatchAudit(ctx, &echelonv1.WatchAuditRequest{Cursor: cursor, Follow: true})
		for err == nil {
			var message *echelonv1.WatchAuditResponse
			if message, err = stream.Recv(); err == nil {
				if err := emit(message); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return typed(err)
	})
}
