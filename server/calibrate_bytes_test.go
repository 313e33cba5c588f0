package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// What counts of a population is what it is in memory: packed, or without most of its attributes, it is a fraction of that on the wire.
func TestPopulationsCountByTheMemoryThatTheyTake(t *testing.T) {
	const rows, limit = 1000, 256 << 10
	packed := func(sequence int64) (proto.Message, int) {
		b := frame.NewBuilder(frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER}))
		for i := range rows {
			b.Start(fmt.Sprint("c", sequence, "-", i))
			b.SetNumber(0, 7)
			b.Commit()
		}
		writer, err := arrowframe.NewWriter(b.Schema(), "")
		if err != nil {
			t.Fatal(err)
		}
		var stream bytes.Buffer
		out := ipc.NewWriter(&stream, ipc.WithSchema(writer.Schema()), ipc.WithZstd())
		if err := errors.Join(out.Write(writer.Record(b.Take())), out.Close()); err != nil {
			t.Fatal(err)
		}
		return calibrate.arrow(sequence, stream.Bytes()), stream.Len()
	}
	bare := func(sequence int64) (proto.Message, int) {
		message := calibrate.rows(sequence, manyCustomers(fmt.Sprint("c", sequence, "-"), rows, nil)...)
		return message, proto.Size(message)
	}
	for name, batch := range map[string]func(int64) (proto.Message, int){"packed columns": packed, "bare rows": bare} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(c *server.Config) { c.MaxMessageBytes, c.MaxCalibrateBytes = 64<<10, limit })
			h.create(plain)
			messages, sent := []any{calibrate.header()}, 0
			for sequence := int64(1); sequence <= 12; sequence++ {
				message, size := batch(sequence)
				messages, sent = append(messages, message), sent+size
			}
			if sent > limit {
				t.Fatalf("%d bytes are sent, and %d let in", sent, limit)
			}
			_, err := h.exchange(calibrate, messages...)
			overloaded.shed(t, err)
			h.released("calibrate_bytes", "bytes")
			_, err = h.exchange(calibrate, messages[:3]...)
			h.must(err)
		})
	}
}
