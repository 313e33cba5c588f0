package arrowframe_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/echelonhq/echelon/engine/frame/arrowframe"
)

// What lies in memory behind a message, such as another one, is none of it, also where the message is damaged and points there.
func TestADamagedStreamIsReadAlikeWhateverLiesBehindIt(t *testing.T) {
	sent, random := written(t, sampleOf(5)), rand.New(rand.NewPCG(5, 6))
	reader := arrowframe.NewReader(everyType, arrowframe.Options{})
	for i := range 5_000 {
		damaged := slices.Clone(sent)
		for range 1 + random.IntN(3) {
			damaged[random.IntN(len(damaged))] = byte(random.IntN(256))
		}
		if random.IntN(2) == 0 {
			damaged = damaged[:random.IntN(len(damaged))]
		}
		want := said(reader, slices.Clip(slices.Clone(damaged)))
		for _, behind := range [][]byte{make([]byte, 4096), bytes.Repeat([]byte{0xff}, 4096), sent} {
			room := append(slices.Clone(damaged), behind...)
			if got := said(reader, room[:len(damaged)]); got != want {
				t.Fatalf("stream %d of %d bytes: %s, and alone %s", i, len(damaged), got, want)
			}
		}
	}
}

// said is what comes of reading a stream.
func said(reader *arrowframe.Reader, stream []byte) string {
	read, err := reader.Read(stream)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(read.Rows, read.Refused, read.Frame.IDs, arrowframe.Rows(stream))
}
