package server

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// backupPiece is how many bytes of a backup a message holds.
const backupPiece = 256 << 10

// adminService is for those who keep the service running.
type adminService struct {
	echelonv1.UnimplementedAdminServiceServer
	store   storage.Store
	streams streaming
	now     func() time.Time
}

// Backup streams the file of a backup.
func (s *adminService) Backup(request *echelonv1.BackupRequest, stream grpc.ServerStreamingServer[echelonv1.BackupResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	store, can := s.store.(storage.Backuper)
	if !can {
		return errors.New("the store cannot be backed up while it is used")
	}
	var base *storage.BackupBase
	if asked := request.GetBase(); asked != nil {
		base = &storage.BackupBase{ID: asked.GetId(), History: asked.GetHistory(), Commit: storage.Commit(asked.GetCommit())}
	}
	pieces := &pieces{size: min(backupPiece, s.streams.maxMessage/2), send: func(piece []byte) error {
		return s.streams.sendOrStop(func() error { return stream.Send(&echelonv1.BackupResponse{Data: piece}) })
	}}
	err := store.Backup(stream.Context(), base, s.now(), pieces)
	if errors.Is(err, storage.ErrBackupBase) {
		return fault.New(echelonv1.ErrorReason_BACKUP_BASE_MISMATCH,
			"the base is no backup of this store's history: it is of another store, or of one that was restored or copied since; take a full backup")
	}
	if err != nil {
		return err
	}
	return pieces.flush()
}

// pieces sends what is written to it in messages of one size.
type pieces struct {
	size  int
	piece []byte
	send  func([]byte) error
}

var _ io.Writer = (*pieces)(nil)

// Write implements io.Writer.
func (p *pieces) Write(data []byte) (int, error) {
	for rest := data; len(rest) > 0; {
		n := min(len(rest), p.size-len(p.piece))
		p.piece, rest = append(p.piece, rest[:n]...), rest[n:]
		if len(p.piece) == p.size {
			if err := p.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(data), nil
}

// flush sends what no message holds yet. A message is not touched after it was sent, so the next piece has memory of its own.
func (p *pieces) flush() error {
	if len(p.piece) == 0 {
		return nil
	}
	piece := p.piece
	p.piece = make([]byte, 0, p.size)
	return p.send(piece)
}
