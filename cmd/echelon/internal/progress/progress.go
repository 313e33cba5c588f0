package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
)

const (
	// redraw is how often the line on a terminal is drawn at most.
	redraw = 100 * time.Millisecond
	// repeat is how often a plain line is written.
	repeat = 10 * time.Second
)

// Line says how far the steps of a command are. Several goroutines may use it.
type Line struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	mu    sync.Mutex
	label string
	count int64
	shown time.Time
	drawn bool
}

// New writes to out, which is a terminal or not.
func New(out io.Writer) *Line {
	file, ok := out.(*os.File)
	return &Line{out: out, terminal: ok && term.IsTerminal(int(file.Fd())), now: time.Now}
}

// Start begins a step; the label says what is counted, as in "rows read".
func (l *Line) Start(label string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.label, l.count, l.shown = label, 0, l.now()
}

// Add counts n more.
func (l *Line) Add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(l.count + int64(n))
}

// Set says what the count is now.
func (l *Line) Set(count int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(count)
}

func (l *Line) set(count int64) {
	l.count = count
	every := repeat
	if l.terminal {
		every = redraw
	}
	if now := l.now(); now.Sub(l.shown) >= every {
		l.shown = now
		l.write("…")
	}
}

// Done ends the step.
func (l *Line) Done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write("")
	if l.terminal {
		_, _ = fmt.Fprintln(l.out)
	}
	l.drawn = false
}

// Stop ends the line where a step was broken off, so that what is written next begins a line of its own.
func (l *Line) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawn {
		_, _ = fmt.Fprintln(l.out)
	}
	l.drawn = false
}

// write shows the count. That it cannot be shown stops no work.
func (l *Line) write(more string) {
	text := fmt.Sprintf("%s: %s%s", l.label, report.Count(l.count), more)
	if l.terminal {
		l.drawn = true
		_, _ = fmt.Fprintf(l.out, "\r%s\x1b[K", text)
		return
	}
	_, _ = fmt.Fprintln(l.out, text)
}

// Count returns the count.
func (l *Line) Count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}
