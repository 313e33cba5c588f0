package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// sameWhenWritten checks that the assignments of a result that are written from its columns are those that are made as messages, to the bit. All
// studies of this package go through it.
func sameWhenWritten(t testing.TB, encoder *engine.Encoder, r *engine.Result) {
	t.Helper()
	const field = protowire.Number(7)
	if err := encoder.Reset(r); err != nil {
		t.Fatal(err)
	}
	var written []byte
	for i := range r.IDs {
		var err error
		if written, err = encoder.Append(written, field, i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range r.IDs {
		number, kind, n := protowire.ConsumeTag(written)
		if n < 0 || number != field || kind != protowire.BytesType {
			t.Fatalf("row %d: no field %d", i, field)
		}
		content, m := protowire.ConsumeBytes(written[n:])
		if m < 0 {
			t.Fatalf("row %d: %v", i, protowire.ParseError(m))
		}
		written = written[n+m:]
		got := &echelonv1.Assignment{}
		if err := proto.Unmarshal(content, got); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if want := r.Assignment(i); bytesOf(t, got) != bytesOf(t, want) {
			t.Fatalf("row %d (-made +written)\n%s", i, cmp.Diff(want, got, protocmp.Transform()))
		}
	}
	if len(written) > 0 {
		t.Fatalf("%d bytes are left", len(written))
	}
}

// One encoder serves a stream: with and without reasons and explanations, whatever the batches before had.
func TestAnEncoderWritesOneResultAfterAnother(t *testing.T) {
	program := compile(t, workloadModel)
	frames := workloadFrames(workload.Gen(700), program.Schema(), 100)
	scorer, encoder := bind(t, program, frames...), program.NewEncoder()
	for i, f := range frames {
		sameWhenWritten(t, encoder, scorer.Evaluate(f, engine.Options{AsOf: asOf, Reasons: i%2 == 0, Explain: i%3 == 0}))
	}
}

func TestAnAssignmentIsWrittenWithoutMemoryOfItsOwn(t *testing.T) {
	program := compile(t, workloadModel)
	f := workloadFrames(workload.Gen(100), program.Schema(), 100)[0]
	r, encoder := bind(t, program, f).Evaluate(f, engine.Options{AsOf: asOf, Reasons: true}), program.NewEncoder()
	sameWhenWritten(t, encoder, r)
	to := make([]byte, 0, 1<<20)
	allocated := testing.AllocsPerRun(10, func() {
		all := to
		for i := range r.IDs {
			all, _ = encoder.Append(all, 1, i)
		}
	})
	if allocated > 0 {
		t.Errorf("100 assignments take %v pieces of memory", allocated)
	}
}
