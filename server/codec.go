package server

import (
	"crypto/rand"
	"fmt"
	"strings"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that is wrapped
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// codec reads and writes messages as grpc does, except that a message which is too large or cannot be decoded is not an error of the transport:
// grpc would end the call at once, without a reason and without the last sequence that was answered. Such a message comes empty and marked, and
// whoever takes it answers unreadable(message).
type codec struct {
	encoding.CodecV2
	// limit is the largest message, in bytes. grpc itself refuses what is larger than twice that.
	limit int
}

func newCodec(limit int) codec { return codec{CodecV2: encoding.GetCodecV2("proto"), limit: limit} }

// mark is the number of the field that marks a message; no message of the API has it.
const mark = protowire.Number(536_870_911)

// incoming is a message that is let in by its size before it is decoded, which takes most of the time and memory that it costs.
type incoming struct {
	message any
	admit   func(size int) error
	// decoding waits until the message may be decoded, unless it is nil; what it returns is called when it was.
	decoding func() (decoded func(), err error)
	// refused is why it was not let in; then the message is empty.
	refused error
}

// Marshal encodes a message, unless it was written as bytes.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if written, ok := v.(*written); ok {
		return written.buffers, nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal decodes a message, or marks it. Batches of bulk streams are kept as they came: whoever takes them reads their rows into columns.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if in, ok := v.(*incoming); ok {
		size := data.Len()
		if size > c.limit {
			size = 0 // it will not be decoded
		}
		if in.refused = in.admit(size); in.refused != nil {
			return nil
		}
		v = in.message
		if bulk, ok := v.(*received); ok {
			if size > 0 && bulk.take(data) {
				return nil
			}
			v = bulk.message
		}
		if given, ok := v.(*givenCustomer); ok {
			if size > 0 && given.take(data) {
				return nil
			}
			v = given.request
		}
		if in.decoding != nil {
			decoded, err := in.decoding()
			if in.refused = err; err != nil {
				return nil
			}
			defer decoded()
		}
	}
	message, ok := v.(proto.Message)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	why := undecodable
	if data.Len() > c.limit {
		why = tooLarge(data.Len(), c.limit)
	} else if c.CodecV2.Unmarshal(data, v) == nil {
		return nil
	}
	proto.Reset(message)
	message.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, mark, protowire.BytesType), nonce+why))
	return nil
}

// nonce stands in every mark, so that no client can send one.
var nonce = rand.Text()

const undecodable = "the message cannot be decoded: send messages of echelon.v1, with texts in valid UTF-8"

func tooLarge(size, limit int) string {
	return fmt.Sprintf("the message has %d bytes, at most %d are allowed: send smaller batches", size, limit)
}

// unreadable returns the fault of a message that was marked. MESSAGE_TOO_LARGE, INVALID_REQUEST.
func unreadable(message proto.Message) error {
	unknown := message.ProtoReflect().GetUnknown()
	number, kind, n := protowire.ConsumeTag(unknown)
	if n < 0 || number != mark || kind != protowire.BytesType {
		return nil
	}
	text, _ := protowire.ConsumeString(unknown[n:])
	why, ours := strings.CutPrefix(text, nonce)
	switch {
	case !ours:
		return nil
	case why == undecodable:
		return errUndecodable()
	}
	return fault.New(echelonv1.ErrorReason_MESSAGE_TOO_LARGE, "%s", why)
}
