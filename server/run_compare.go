package server

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// CompareRuns says where customers come from in one run and go to in another. Each page goes through the snapshots from where the one before ended, the
// first through all of them, and keeps no more than a page.
func (s *runService) CompareRuns(ctx context.Context, request *echelonv1.CompareRunsRequest) (*echelonv1.CompareRunsResponse, error) {
	binding := append(append([]string{"CompareRuns", request.GetTiering()}, named(request.GetFrom())...), named(request.GetTo())...)
	binding = append(binding, asked(request)...)
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	from, err := s.open(view, request.GetFrom(), at.Run, at.Overlay)
	if err != nil {
		return nil, err
	}
	to, err := s.open(view, request.GetTo(), at.To, at.ToOverlay)
	if err != nil {
		return nil, err
	}
	migration, err := snapshot.NewMigration(s.catalog, from, to, request.GetTiering())
	if err != nil {
		return nil, err
	}
	response := &echelonv1.CompareRunsResponse{From: from.Provenance(), To: to.Provenance()}
	size, bytes := pageSize(request.GetPageSize(), defaultPage), 0
	take := func(mover func() (*echelonv1.Mover, error)) (bool, error) {
		if n := len(response.Movers); s.streams.full(n, size, bytes) {
			response.NextPageToken = writeCursor(cursor{
				Run: from.Run().GetId(), Overlay: from.Overlay(), To: to.Run().GetId(), ToOverlay: to.Overlay(), After: response.Movers[n-1].GetCustomerId(),
			}, binding...)
			return false, nil
		}
		one, err := mover()
		bytes += proto.Size(one)
		response.Movers = append(response.Movers, one)
		return true, err
	}
	response.Migration, err = migration.Walk(ctx, view, at.After, request.GetPageToken() == "", take)
	if err != nil {
		return nil, err
	}
	if !request.GetCauses() {
		return response, nil
	}
	causes, err := snapshot.NewCauses(s.catalog, view, from, to, request.GetGroupBy())
	if err != nil {
		return nil, err
	}
	return response, causes.Tell(ctx, at.After, migration.Tiering(), response.Movers)
}

// asked tells requests apart that ask for causes; nothing is told of the others, so that their tokens are what they were.
func asked(request *echelonv1.CompareRunsRequest) []string {
	if !request.GetCauses() {
		return nil
	}
	return []string{"causes", request.GetGroupBy()}
}

// named tells references apart.
func named(ref *echelonv1.RunRef) []string { return []string{ref.GetRunId(), ref.GetCurrentOf()} }

// open opens what a reference names or, where pages go on, what it named when they began.
func (s *runService) open(view storage.Reader, ref *echelonv1.RunRef, run, overlay string) (*snapshot.Reader, error) {
	switch model := ref.GetCurrentOf(); {
	case model == "":
		return snapshot.OpenRun(s.catalog, view, ref.GetRunId())
	case run != "":
		return snapshot.Reopen(s.catalog, view, model, run, overlay)
	default:
		return snapshot.Open(s.catalog, view, model, "")
	}
}
