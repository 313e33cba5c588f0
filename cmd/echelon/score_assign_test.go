package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// tooLarge is a service whose calibrations fit no message.
type tooLarge struct {
	echelonv1.UnimplementedScoringServiceServer
}

func (tooLarge) Calibrate(grpc.ClientStreamingServer[echelonv1.CalibrateRequest, echelonv1.CalibrateResponse]) error {
	s, err := status.New(codes.ResourceExhausted, "the answer has 20000000 bytes").WithDetails(&errdetails.ErrorInfo{
		Reason: echelonv1.ErrorReason_MESSAGE_TOO_LARGE.String(), Domain: "echelon.v1"})
	if err != nil {
		return err
	}
	return s.Err()
}

func TestFamiliesThatDoNotFitAMessageAreToldWithWhatToDo(t *testing.T) {
	m, _, found := modelfile.Parse("kin.yaml", []byte(
		"name: kin\nparent: up\nattributes: [{name: up, type: STRING}]\nsegmentations: [{name: s, segments: [{name: A, when: family_count() > 1}], otherwise: B}]"))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	program, found := engine.Compile(m)
	if found.HasMistakes() {
		t.Fatal(found)
	}
	b := frame.NewBuilder(program.Schema())
	b.Start("a")
	if fault := b.Commit(); fault != nil {
		t.Fatal(fault)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	echelonv1.RegisterScoringServiceServer(s, tooLarge{})
	go func() { _ = s.Serve(listener) }()
	defer s.Stop()
	server, err := client.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	remote := remoteAssigner{localAssigner{program: program, asOf: time.Unix(0, 0)}, server}
	_, err = remote.calibrate(t.Context(), []*frame.Frame{b.Take()})
	if err == nil || !strings.Contains(err.Error(), "score them without --address, or import them and start a run: ") {
		t.Errorf("it says %v", err)
	}
}
