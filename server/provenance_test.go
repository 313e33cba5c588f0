package server

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAProvenanceIsWrittenAsProtobufWritesIt(t *testing.T) {
	texts := rapid.SampledFrom([]string{"", "accounts", strings.Repeat("ä", 100), strings.Repeat("f", 64), strings.Repeat("long", 80)})
	rapid.Check(t, func(t *rapid.T) {
		p := &echelonv1.Provenance{
			Model: texts.Draw(t, "model"), ModelVersion: rapid.Int64Range(-1, 300).Draw(t, "version"),
			ModelFingerprint: texts.Draw(t, "fingerprint"), CalibrationId: texts.Draw(t, "calibration"),
		}
		if rapid.IntRange(0, 5).Draw(t, "as of") > 0 {
			p.AsOf = &timestamppb.Timestamp{Seconds: rapid.Int64Range(-1<<36, 1<<36).Draw(t, "seconds"), Nanos: rapid.Int32Range(0, 999_999_999).Draw(t, "nanos")}
		}
		if rapid.IntRange(0, 5).Draw(t, "run") == 0 {
			p.RunId = "r"
		}
		p.Online = rapid.IntRange(0, 5).Draw(t, "online") == 0
		got, err := appendProvenance([]byte("before"), 2, p)
		if err != nil {
			t.Fatal(err)
		}
		content, err := proto.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		want := protowire.AppendBytes(protowire.AppendTag([]byte("before"), 2, protowire.BytesType), content)
		if !bytes.Equal(got, want) {
			t.Fatalf("%v is %x, want %x", p, got, want)
		}
	})
}

// A field that is added would be lost.
func TestAllFieldsOfAProvenanceAreKnownToWhoWritesIt(t *testing.T) {
	known := strings.Fields("model model_version model_fingerprint calibration_id run_id as_of online")
	fields := (&echelonv1.Provenance{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := string(fields.Get(i).Name()); !slices.Contains(known, name) {
			t.Errorf("Provenance has the field %s: see that appendProvenance writes it, and add it here", name)
		}
	}
}
