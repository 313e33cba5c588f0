package progress

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressIsOneLineOnATerminalAndFewElsewhere(t *testing.T) {
	const sofar, all = "rows read: 3…", "rows read: 1,003"
	for _, c := range []struct {
		name     string
		terminal bool
		step     time.Duration
		want     string
	}{
		{"a terminal, soon", true, time.Millisecond, "\r" + all + "\x1b[K\n"},
		{"a terminal, later", true, redraw, "\r" + sofar + "\x1b[K\r" + all + "…\x1b[K\r" + all + "\x1b[K\n"},
		{"a file, soon", false, redraw, all + "\n"},
		{"a file, later", false, repeat, sofar + "\n" + all + "…\n" + all + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			now := time.Unix(0, 0)
			line := &Line{out: &out, terminal: c.terminal, now: func() time.Time { now = now.Add(c.step); return now }}
			line.Start("rows read")
			line.Add(3)
			line.Set(1003)
			line.Done()
			line.Stop()
			if out.String() != c.want {
				t.Errorf("got  %q\nwant %q", out.String(), c.want)
			}
		})
	}
}

func TestABrokenStepEndsItsLine(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	line := &Line{out: &out, terminal: true, now: func() time.Time { now = now.Add(redraw); return now }}
	line.Start("rows read")
	line.Add(1)
	line.Stop()
	if want := "\rrows read: 1…\x1b[K\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}
