package server_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const approvedModel = "publishing: {approvals: 1}\n" + plain

func TestARunIsPublishedWithTheApprovalOfAnotherPrincipal(t *testing.T) {
	s := newSite(t)
	conn := s.connect()
	service, models := echelonv1.NewRunServiceClient(conn), echelonv1.NewModelServiceClient(conn)
	writer, publisher, admin := bearing(s.context(), s.tokens["token-write"]), bearing(s.context(), s.tokens["token-publish"]), bearing(s.context(), s.tokens["token-admin"])
	_, err := models.CreateModel(writer, &echelonv1.CreateModelRequest{Model: model(t, approvedModel)})
	s.must(err)
	_, err = models.ActivateModel(publisher, &echelonv1.ActivateModelRequest{Name: "plain"})
	s.must(err)
	started, err := service.StartRun(writer, &echelonv1.StartRunRequest{Model: "plain"})
	s.must(err)
	id := started.GetRun().GetId()
	watch, err := service.WatchRun(writer, &echelonv1.WatchRunRequest{RunId: id})
	s.must(err)
	_, err = collect(watch.Recv)
	s.must(err)
	_, err = service.PublishRun(publisher, &echelonv1.PublishRunRequest{RunId: id})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_APPROVAL_REQUIRED, nil, []string{"token-write, who started it", "token-publish, who publishes it"}}.check(t, err)
	_, err = service.WithdrawApproval(admin, &echelonv1.WithdrawApprovalRequest{RunId: id})
	wanted{codes.NotFound, echelonv1.ErrorReason_APPROVAL_NOT_FOUND, nil, []string{"token-admin"}}.check(t, err)
	_, err = service.ApproveRun(admin, &echelonv1.ApproveRunRequest{RunId: id})
	s.must(err)
	_, err = service.ApproveRun(admin, &echelonv1.ApproveRunRequest{RunId: id})
	wanted{codes.AlreadyExists, echelonv1.ErrorReason_APPROVAL_EXISTS, nil, []string{"token-admin"}}.check(t, err)
	published, err := service.PublishRun(publisher, &echelonv1.PublishRunRequest{RunId: id})
	s.must(err)
	if a := published.GetRun().GetApprovals(); len(a) != 1 || a[0].GetPrincipal() != "token-admin" {
		t.Errorf("approved by %v", a)
	}
	entries, err := echelonv1.NewAuditServiceClient(conn).ListAudit(admin, &echelonv1.ListAuditRequest{Actor: "token-admin"})
	s.must(err)
	if e := entries.GetEntries(); len(e) != 1 || !strings.HasSuffix(e[0].GetMethod(), "/ApproveRun") || !strings.HasSuffix(e[0].GetSubject(), id) {
		t.Errorf("the audit log has %v", e)
	}
}

func TestAServerThatKnowsNobodyTakesNoApprovals(t *testing.T) {
	if runs.Anonymous != identity.Anonymous.Name {
		t.Fatalf("%q and %q", runs.Anonymous, identity.Anonymous.Name)
	}
	h := start(t)
	h.create(approvedModel)
	run := h.run("plain")
	unknown := wanted{codes.FailedPrecondition, echelonv1.ErrorReason_PRINCIPALS_UNKNOWN, nil, []string{"--auth-file"}}
	_, err := h.runs.ApproveRun(h.context(), &echelonv1.ApproveRunRequest{RunId: run.GetId()})
	unknown.check(t, err)
	unknown.check(t, h.publish(run.GetId()))
	if got := h.currentRun("plain"); got != "" {
		t.Errorf("%q is current", got)
	}
}
