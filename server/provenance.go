package server

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// The numbers of the fields of a provenance and of an instant.
const (
	provenanceModel       = protowire.Number(1)
	provenanceVersion     = protowire.Number(2)
	provenanceFingerprint = protowire.Number(3)
	provenanceCalibration = protowire.Number(4)
	provenanceAsOf        = protowire.Number(6)
	instantSeconds        = protowire.Number(1)
	instantNanos          = protowire.Number(2)
)

// appendProvenance appends a provenance as a field of that number. That of an evaluation is written by hand, others, such as a run's, by protobuf.
func appendProvenance(to []byte, field protowire.Number, p *echelonv1.Provenance) ([]byte, error) {
	to = protowire.AppendTag(to, field, protowire.BytesType)
	if p.RunId != "" || p.Online || p.AsOf == nil {
		content, err := proto.Marshal(p)
		return protowire.AppendBytes(to, content), err
	}
	var room [256]byte // fits most
	instant := appendInt(appendInt(room[:0], instantSeconds, p.AsOf.Seconds), instantNanos, int64(p.AsOf.Nanos))
	content := appendText(room[len(instant):len(instant)], provenanceModel, p.Model)
	content = appendInt(content, provenanceVersion, p.ModelVersion)
	content = appendText(content, provenanceFingerprint, p.ModelFingerprint)
	content = appendText(content, provenanceCalibration, p.CalibrationId)
	content = protowire.AppendBytes(protowire.AppendTag(content, provenanceAsOf, protowire.BytesType), instant)
	return protowire.AppendBytes(to, content), nil
}

// appendText appends a field of a text, unless that is empty.
func appendText(to []byte, field protowire.Number, text string) []byte {
	if text == "" {
		return to
	}
	return protowire.AppendString(protowire.AppendTag(to, field, protowire.BytesType), text)
}

// appendInt appends a field of a whole number, unless that is 0.
func appendInt(to []byte, field protowire.Number, x int64) []byte {
	if x == 0 {
		return to
	}
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), uint64(x))
}
