package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/outfile"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/backup"
	"github.com/echelonhq/echelon/storage/badger"
)

func (c *cli) backupCommand() *cobra.Command {
	var output, since string
	cmd := c.calls(&cobra.Command{
		Use:   "backup",
		Short: "Back up the server's whole store to a file, while it serves",
		Long: "Backup writes a file of all that the store has at one moment, or with --since of what changed since another backup. The file carries its\n" +
			"check sums and is there whole or not at all. restore reads a full backup and the incremental ones that follow it.",
		Example: "  echelon backup --output monday.backup\n  echelon backup --since monday.backup --output tuesday.backup",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			base, err := backupBase(since)
			if err != nil {
				return damaged(err)
			}
			info, err := writeBackup(ctx, server, base, output)
			if err != nil {
				return err
			}
			return c.printBackup(output, info)
		}),
	})
	cmd.Flags().StringVar(&output, "output", "", "the file to write the backup to")
	require(cmd, "output")
	cmd.Flags().StringVar(&since, "since", "", "the backup that this one follows: only what changed since is written")
	return cmd
}

// backupBase reads the backup that another one is to follow, all of it: one that follows a damaged one is of no use.
func backupBase(path string) (*echelonv1.BackupBase, error) {
	if path == "" {
		return nil, nil
	}
	info, err := badger.VerifyBackup(path)
	if err != nil {
		return nil, err
	}
	return &echelonv1.BackupBase{Id: info.ID, History: info.Header.GetHistory(), Commit: info.Header.GetCommit()}, nil
}

// writeBackup writes a backup's file, and reads it at the same time, so that it is known to be whole before it is in its place.
func writeBackup(ctx context.Context, server *client.Client, base *echelonv1.BackupBase, path string) (info *backup.Info, err error) {
	file, err := outfile.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	reader, writer := io.Pipe()
	type verdict struct {
		info *backup.Info
		err  error
	}
	verified := make(chan verdict, 1)
	go func() {
		info, err := backup.Verify(reader)
		_ = reader.CloseWithError(err) // it never fails
		verified <- verdict{info, err}
	}()
	err = server.Backup(ctx, base, io.MultiWriter(file, writer))
	_ = writer.CloseWithError(err) // it never fails
	found := <-verified
	if err := firstOf(err, found.err); err != nil {
		return nil, err
	}
	return found.info, file.Commit()
}

func (c *cli) printBackup(path string, info *backup.Info) error {
	end := info.End
	if c.json {
		return c.printJSON(map[string]any{
			"output": path, "id": info.ID, "base_id": info.Header.GetBaseId(), "commit": info.Header.GetCommit(), "keys": end.GetKeys(),
			"values": end.GetValues(), "content_sha256": end.GetContentSha256(),
		})
	}
	kind := "full backup"
	if base := info.Header.GetBaseId(); base != "" {
		kind = "incremental backup on " + base[:12]
	}
	if err := c.printf("%s: %s %s, %s keys, %s of them with their values", path, kind, info.ID[:12], report.Count(int64(end.GetKeys())), report.Count(int64(end.GetValues()))); err != nil {
		return err
	}
	if end.GetContentSha256() == "" {
		return nil
	}
	return c.printf("content %s", end.GetContentSha256())
}

func (c *cli) restoreCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "restore --data DIR FULL [INCREMENTAL ...]",
		Short: "Make a store of a full backup and the incremental ones that follow it",
		Long: "Restore fills a new or empty folder, which serve then opens. All files are checked from beginning to end before anything is written. A\n" +
			"restore that was interrupted leaves a folder that serve refuses: empty it and restore again.",
		Example: "  echelon restore --data ./restored monday.backup tuesday.backup",
		Args:    cobra.MinimumNArgs(1),
		RunE: c.does(func(ctx context.Context, args []string) error {
			restored, err := badger.Restore(ctx, data, badger.Options{Logger: slog.New(slog.DiscardHandler)}, args...)
			if err != nil {
				return damaged(err)
			}
			if c.json {
				return c.printJSON(map[string]any{"data": data, "keys": restored.Keys, "commit": restored.Last.Header.GetCommit(), "content_sha256": restored.Content})
			}
			if err := c.printf("%s: %s keys, as of %s", data, report.Count(restored.Keys), report.Time(restored.Last.Header.GetCreateTime())); err != nil {
				return err
			}
			return c.printf("content %s", restored.Content)
		}),
	}
	return dataFlag(cmd, &data)
}

// dataFlag adds the folder that a command works on without a server.
func dataFlag(cmd *cobra.Command, to *string) *cobra.Command {
	cmd.Flags().StringVar(to, "data", "", "folder of the store, which no server holds")
	if err := cmd.MarkFlagRequired("data"); err != nil {
		panic(err) // the flag was just added
	}
	return cmd
}

// damaged gives an error that says that something is damaged an exit code of its own.
func damaged(err error) error {
	var file *backup.DamagedError
	var chain *backup.ChainError
	var stored *storage.CorruptError
	if errors.As(err, &file) || errors.As(err, &chain) || errors.As(err, &stored) || errors.Is(err, storage.ErrRestoring) {
		return &failure{exitDamaged, err}
	}
	return err
}

func (c *cli) doctorCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "doctor --data DIR",
		Short: "Check a folder that no server holds: its format, counts, sizes, and every check sum",
		Long: "Doctor reads everything in a store's folder and says what is there, what is damaged or missing (exit code 5), and what a crash left behind,\n" +
			"which the next start removes. It changes nothing but what a start does first after a crash.",
		Example: "  echelon doctor --data ./echelon-data",
		Args:    cobra.NoArgs,
		RunE: c.does(func(ctx context.Context, _ []string) error {
			found, err := badger.Inspect(ctx, data, badger.Options{Logger: slog.New(slog.DiscardHandler)})
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no folder %s: name a store's folder", data)
			}
			if err != nil {
				return damaged(err)
			}
			if err := c.printInspection(data, found); err != nil {
				return err
			}
			if bad := found.DamagedCount + int64(len(found.Missing)) + found.Unknown; bad > 0 {
				return &failure{exitDamaged, fmt.Errorf("%s: %d things are damaged, missing or unknown: restore a backup, or write again what is named", data, bad)}
			}
			return nil
		}),
	}
	return dataFlag(cmd, &data)
}

func (c *cli) printInspection(data string, found *storage.Inspection) error {
	orphans, blocks := 0, int64(0)
	for _, snapshot := range found.Snapshots {
		blocks += snapshot.Blocks
		if snapshot.Orphan {
			orphans++
		}
	}
	if c.json {
		documents := make(map[string]int64)
		for kind, n := range found.Documents {
			documents[kind.String()] = n
		}
		return c.printJSON(map[string]any{
			"data": data, "format": found.Format, "commit": found.Commit, "customers": found.Customers, "documents": documents, "snapshots": len(found.Snapshots),
			"blocks": blocks, "orphan_snapshots": orphans, "bytes": found.Bytes, "used_bytes": found.Disk.Used, "free_bytes": found.Disk.Free,
			"damaged": found.DamagedCount, "damage": append([]string{}, found.Damaged...), "missing": append([]string{}, found.Missing...),
			"unknown_keys": found.Unknown, "content_sha256": found.Content,
		})
	}
	return report.Inspection(c.stdout, data, found)
}
