package server_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/backup"
)

// backUp takes a backup and returns the file.
func (h *harness) backUp(base *backup.Info) ([]byte, *backup.Info, error) {
	h.Helper()
	request := &echelonv1.BackupRequest{}
	if base != nil {
		request.Base = &echelonv1.BackupBase{Id: base.ID, History: base.Header.GetHistory(), Commit: base.Header.GetCommit()}
	}
	stream, err := echelonv1.NewAdminServiceClient(h.conn).Backup(h.context(), request)
	h.must(err)
	all, err := collect(stream.Recv)
	if err != nil {
		return nil, nil, err
	}
	var file bytes.Buffer
	for _, piece := range all {
		file.Write(piece.GetData())
	}
	info, err := backup.Verify(bytes.NewReader(file.Bytes()))
	return file.Bytes(), info, err
}

func TestABackupIsStreamedWholeAndThenWhatChanged(t *testing.T) {
	h := start(t)
	h.create(plain)
	for i := range 3000 {
		h.upsert(fmt.Sprint("c", i), attrs{"arr": i, "note": fmt.Sprintf("%d-%x", i, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 100))})
	}
	file, full, err := h.backUp(nil)
	h.must(err)
	if full.End.GetKeys() < 3000 || full.End.GetValues() != full.End.GetKeys() || full.End.GetContentSha256() == "" || !full.Header.GetCreateTime().AsTime().Equal(noon) {
		t.Errorf("the full backup is %v", full)
	}
	h.upsert("new", nil)
	small, next, err := h.backUp(full)
	h.must(err)
	// The customer, and who stored it.
	if next.End.GetKeys() != full.End.GetKeys()+2 || next.End.GetValues() != 2 || len(small) > len(file)/5 {
		t.Errorf("the incremental backup is %v, %d bytes after %d", next, len(small), len(file))
	}
	h.must(backup.CheckChain([]*backup.Info{full, next}))
}

func TestABackupFollowsOnlyOneOfTheSameStore(t *testing.T) {
	h, other := start(t), start(t)
	h.create(plain)
	other.create(plain)
	_, full, err := other.backUp(nil)
	h.must(err)
	_, _, err = h.backUp(full)
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_BACKUP_BASE_MISMATCH, nil, []string{"take a full backup"}}.check(t, err)
	stream, err := echelonv1.NewAdminServiceClient(h.conn).Backup(h.context(), &echelonv1.BackupRequest{Base: &echelonv1.BackupBase{}})
	h.must(err)
	_, err = stream.Recv()
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"base.id", "base.history", "base.commit"}, nil}.check(t, err)
	h.serving()
}

func TestTheSchemaIsShown(t *testing.T) {
	h := start(t)
	got, err := h.customers.GetSchema(h.context(), &echelonv1.GetSchemaRequest{})
	h.must(err)
	if got.GetSchema().GetVersion() != 0 || len(got.GetSchema().GetAttributes()) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	h.create(plain)
	got, err = h.customers.GetSchema(h.context(), &echelonv1.GetSchemaRequest{})
	h.must(err)
	first := got.GetSchema().GetAttributes()[0]
	if len(got.GetSchema().GetAttributes()) != 8 || first.GetId() != 1 || first.GetName() != "arr" || first.GetType() != echelonv1.Attribute_NUMBER || first.GetUnit() != "USD" {
		t.Errorf("got %v", got)
	}
}

func TestCalibrationsAreListedAndGot(t *testing.T) {
	var seconds atomic.Int64
	h := start(t, func(c *server.Config) { // ids sort by the time
		c.Now = func() time.Time { return noon.Add(time.Duration(seconds.Add(1)) * time.Second) }
	})
	h.create(ranked)
	h.create(plain)
	h.upsert("a", attrs{"arr": 60})
	h.upsert("b", attrs{"arr": 10})
	first, second := h.published("ranked").GetId(), h.run("ranked").GetId()
	h.run("plain")
	var ids []string
	token := ""
	for range 5 {
		page, err := h.models.ListCalibrations(h.context(), &echelonv1.ListCalibrationsRequest{Model: "ranked", PageSize: 1, PageToken: token})
		h.must(err)
		for _, c := range page.GetCalibrations() {
			ids = append(ids, c.GetId())
			if c.GetModel() != "ranked" || c.GetModelVersion() != 1 || c.GetCustomers() != 2 || c.GetCurrent() != (c.GetId() == first) || c.GetModelFingerprint() == "" {
				t.Errorf("in the list: %v", c)
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(ids) != 2 || ids[0] != second || ids[1] != first {
		t.Errorf("listed %v, want %v", ids, []string{second, first})
	}
	got, err := h.models.GetCalibration(h.context(), &echelonv1.GetCalibrationRequest{Id: first})
	h.must(err)
	if c := got.GetCalibration(); c.GetId() != first || len(c.GetTierings()) != 1 || c.GetTierings()[0].GetTiers()[0].GetTopCount() == nil {
		t.Errorf("got %v", got)
	}
	_, err = h.models.GetCalibration(h.context(), &echelonv1.GetCalibrationRequest{Id: "none"})
	wanted{codes.NotFound, echelonv1.ErrorReason_CALIBRATION_NOT_FOUND, nil, []string{"none"}}.check(t, err)
	_, err = h.models.ListCalibrations(h.context(), &echelonv1.ListCalibrationsRequest{Model: "none"})
	wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, nil}.check(t, err)
	_, err = h.models.ListCalibrations(h.context(), &echelonv1.ListCalibrationsRequest{Model: "ranked", PageToken: "x"})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, nil}.check(t, err)
}

func TestAssignmentsAreListedBySegment(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("big-high", attrs{"arr": 90, "employees": 5000})
	h.upsert("big-low", attrs{"arr": 10, "employees": 5000})
	h.upsert("small-high", attrs{"arr": 90, "employees": 5})
	h.upsert("unknown", attrs{"arr": 90})
	h.published("plain")
	for name, test := range map[string]struct {
		request *echelonv1.ListAssignmentsRequest
		want    string
	}{
		"a segment":            {&echelonv1.ListAssignmentsRequest{Segmentation: "size", Segment: "Enterprise"}, "[big-high big-low]"},
		"the otherwise":        {&echelonv1.ListAssignmentsRequest{Segmentation: "size", Segment: "SMB"}, "[small-high]"},
		"the unknown":          {&echelonv1.ListAssignmentsRequest{Segmentation: "size", Segment: "Unclassified"}, "[unknown]"},
		"none":                 {&echelonv1.ListAssignmentsRequest{Segmentation: "size"}, "[]"},
		"a segment and a tier": {&echelonv1.ListAssignmentsRequest{Segmentation: "size", Segment: "Enterprise", Tiering: "coverage", Tier: "high"}, "[big-high]"},
	} {
		test.request.Model, test.request.PageSize = "plain", 1
		ids := []string{}
		for {
			page, err := h.assignments.ListAssignments(h.context(), test.request)
			h.must(err)
			for _, a := range page.GetAssignments() {
				ids = append(ids, a.GetCustomerId())
			}
			if test.request.PageToken = page.GetNextPageToken(); test.request.PageToken == "" {
				break
			}
		}
		if got := fmt.Sprint(ids); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	for word, request := range map[string]*echelonv1.ListAssignmentsRequest{
		"segmentation": {Segment: "SMB"}, "did you mean": {Segmentation: "size", Segment: "SMBB"}, "no segmentation": {Segmentation: "sizes"},
	} {
		request.Model = "plain"
		_, err := h.assignments.ListAssignments(h.context(), request)
		wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{word}}.check(t, err)
	}
	page, err := h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "plain", Segmentation: "size", Segment: "Enterprise", PageSize: 1})
	h.must(err)
	_, err = h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "plain", Segmentation: "size", Segment: "SMB", PageToken: page.GetNextPageToken()})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, nil}.check(t, err)
}
