package client_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestReal(t *testing.T) {
	s, err := server.New(t.Context(), memory.New(), server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go s.Serve(l)
	c, err := client.Dial(l.Addr().String(), client.WithBatchRows(2))
	if err != nil {
		t.Fatal(err)
	}
	m := &echelonv1.Model{Name: "m", Attributes: []*echelonv1.Attribute{{Name: "tier", Type: echelonv1.Attribute_STRING}},
		Segmentations: []*echelonv1.Segmentation{{Name: "s", Segments: []*echelonv1.Segment{{Name: "a", When: `tier == "A"`}}}}}
	v, err := c.ValidateModel(t.Context(), m)
	fmt.Println(v, err)
	mv, err := c.CreateModel(t.Context(), m)
	fmt.Println(mv.GetVersion(), err)
	mm, err := c.ActivateModel(t.Context(), "m", 0)
	fmt.Println(mm.GetVersion(), err)
	_, err = c.GetModel(t.Context(), "nope", 0)
	fmt.Println(err)
	for p, err := range c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{}, all(customer("a", "tier", "A"), customer("b", "tier", "\xff"), customer("", "tier", "A"), customer("c", "nope", "A"), customer("d", "tier", "D"))) {
		fmt.Println(p, err)
	}
	for p, err := range c.BulkAssign(t.Context(), &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("m", 0)}, all(customer("a", "tier", "A"), customer("b", "tier", "\xff"), customer("", "tier", "A"), customer("c", "nope", "A"), customer("d", "tier", "D"))) {
		fmt.Println(p, err)
	}
	for p, err := range c.ExportCustomers(t.Context()) {
		fmt.Println(p, err)
	}
	run, err := c.StartRun(t.Context(), &echelonv1.StartRunRequest{Model: "m"})
	fmt.Println(run, err)
	run, err = c.WaitRun(t.Context(), run.GetId(), nil)
	fmt.Println(run, err)
	run, err = c.PublishRun(t.Context(), run.GetId())
	fmt.Println(err)
	for p, err := range c.Assignments(t.Context(), "m", "", "") {
		fmt.Println(p, err)
	}
	for p, err := range c.ExportAssignments(t.Context(), "m", "") {
		fmt.Println(p, err)
	}
	cal, rf, err := c.Calibrate(t.Context(), client.StoredModel("m", 0), numbered(10))
	fmt.Println(cal, rf, err)
	n := 0
	for _, err := range c.BulkAssign(t.Context(), &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("m", 0)}, numbered(100000)) {
		if err != nil { t.Fatal(err) }
		n++
	}
	fmt.Println(n)
	for range c.BulkAssign(t.Context(), &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("m", 0)}, numbered(100000)) {
		break
	}
	c.Close()
	s.Stop()
}
