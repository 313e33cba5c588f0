package snapshot

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/storage"
)

const (
	// stretchPages is how many blocks of a snapshot a stretch has at most, beside one that reaches into the next stretch.
	stretchPages = 4
	// stretchRows is how many rows of an overlay it has at most.
	stretchRows = stretchPages * storage.DefaultBatchRows
)

// Stretch is what two readers have of consecutive customers: those after an id, up to another. Several may be gone through at the same time.
type Stretch struct {
	from, to span
	graves   Graves
}

// Beside parts the customers of two readers of one view, of which the first may be nil, into stretches of some thousands: those after an id, ascending.
func Beside(ctx context.Context, from, to *Reader, after string) iter.Seq2[*Stretch, error] {
	return func(yield func(*Stretch, error) bool) {
		oldest := to.readAt()
		if from != nil {
			oldest = min(oldest, from.readAt())
		}
		// A customer of a snapshot is the one that is stored, unless it was deleted since: tombstones are kept for as long as the snapshot is.
		graves, err := OpenGraves(ctx, to.view, oldest)
		if err != nil {
			yield(nil, err)
			return
		}
		was, is := newTrail(ctx, from, after), newTrail(ctx, to, after)
		defer was.stop()
		defer is.stop()
		for {
			end, bounded := was.offer()
			if other, ends := is.offer(); ends && (!bounded || other < end) {
				end, bounded = other, true
			}
			stretch := &Stretch{from: was.take(after, end, bounded), to: is.take(after, end, bounded), graves: graves}
			if err := errors.Join(was.err(), is.err()); err != nil {
				yield(nil, err)
				return
			}
			if !yield(stretch, nil) || !bounded {
				return
			}
			after = end
		}
	}
}

// readAt returns the commit as of which the run read customers.
func (r *Reader) readAt() storage.Commit { return storage.Commit(r.run.GetReadPoint()) }

// End returns the id up to which the stretch has customers; false where it has all that are left.
func (s *Stretch) End() (id string, bounded bool) { return s.to.end, s.to.bounded }

// Pairs goes through the customers that any of both has, ascending.
func (s *Stretch) Pairs(hand func(id string, from, to Cell) error) error {
	was, err := s.from.begin(s.graves)
	if err != nil {
		return err
	}
	is, err := s.to.begin(s.graves)
	if err != nil {
		return err
	}
	for was.open || is.open {
		var before, after Cell
		id := is.id
		if !is.open || was.open && was.id < id {
			id = was.id
		}
		if was.open && was.id == id {
			before = was.cell
		}
		if is.open && is.id == id {
			after = is.cell
		}
		if err := hand(id, before, after); err != nil {
			return err
		}
		if before.Outcomes != nil {
			was.next()
		}
		if after.Outcomes != nil {
			is.next()
		}
		if err := errors.Join(was.err, is.err); err != nil {
			return err
		}
	}
	return nil
}

// trail is what one reader has, a stretch after another.
type trail struct {
	reader *Reader
	pages  ahead[*page]
	rows   ahead[*storage.OverlayRow]
}

// page is a block that is decoded once, by whoever is first, as outcomes or as a result.
type page struct {
	last   string
	decode func() (*Outcomes, error)
	result func() (*engine.Result, error)
}

// newTrail begins to read what a reader has after an id; of nobody where it is nil.
func newTrail(ctx context.Context, r *Reader, after string) *trail {
	pages := func(func(*page, error) bool) {}
	rows := iter.Seq2[*storage.OverlayRow, error](func(func(*storage.OverlayRow, error) bool) {})
	if r != nil {
		pages = r.pages(ctx, after)
		if r.overlay != "" {
			rows = r.view.OverlayRows(ctx, r.overlay, after)
		}
	}
	return &trail{reader: r, pages: ahead[*page]{pull: newPull(pages)}, rows: ahead[*storage.OverlayRow]{pull: newPull(rows)}}
}

func (r *Reader) pages(ctx context.Context, after string) iter.Seq2[*page, error] {
	return func(yield func(*page, error) bool) {
		for stored, err := range r.view.SnapshotPages(ctx, r.run.GetId(), after) {
			if err != nil {
				yield(nil, err)
				return
			}
			decode := func() (*Outcomes, error) {
				block, err := stored.Decode()
				if err != nil {
					return nil, err
				}
				return newOutcomes(r.program, block, r.readAt())
			}
			result := func() (*engine.Result, error) {
				block, err := stored.Decode()
				if err != nil {
					return nil, err
				}
				return Decode(r.program, block)
			}
			if !yield(&page{last: stored.Last(), decode: sync.OnceValues(decode), result: sync.OnceValues(result)}, nil) {
				return
			}
		}
	}
}

func (t *trail) stop() { t.pages.pull.stop(); t.rows.pull.stop() }

func (t *trail) err() error { return errors.Join(t.pages.pull.err, t.rows.pull.err) }

// offer returns the id at which the trail has a stretch's worth; none where all that is left is less.
func (t *trail) offer() (end string, bounded bool) {
	if t.pages.fill(stretchPages) {
		end, bounded = t.pages.values[stretchPages-1].last, true
	}
	if t.rows.fill(stretchRows) {
		if id := t.rows.values[stretchRows-1].ID; !bounded || id < end {
			end, bounded = id, true
		}
	}
	return end, bounded
}

// take returns what the trail has up to an id, or all that is left. A block that reaches beyond the id is of the next stretch too.
func (t *trail) take(after, end string, bounded bool) span {
	s := span{reader: t.reader, after: after, end: end, bounded: bounded}
	whole, pages := 0, 0
	for pages < len(t.pages.values) && (pages == whole) {
		pages++
		if !bounded || t.pages.values[pages-1].last <= end {
			whole++
		}
	}
	s.pages = t.pages.values[:pages:pages]
	t.pages.values = t.pages.values[whole:]
	rows := 0
	for rows < len(t.rows.values) && (!bounded || t.rows.values[rows].ID <= end) {
		rows++
	}
	s.rows = t.rows.values[:rows:rows]
	t.rows.values = t.rows.values[rows:]
	return s
}

// ahead is values that were pulled and not taken yet.
type ahead[T any] struct {
	pull   *pull[T]
	values []T
}

// fill pulls until there are so many, and reports whether there are.
func (a *ahead[T]) fill(n int) bool {
	for len(a.values) < n && a.pull.more() {
		a.values = append(a.values, a.pull.value)
		a.pull.next()
	}
	return len(a.values) >= n
}

// span is what one reader has of a stretch.
type span struct {
	reader     *Reader
	pages      []*page
	rows       []*storage.OverlayRow
	after, end string
	bounded    bool
}

// part is the rows of a block that are of a span.
type part struct {
	*Outcomes
	place, end int
}

// begin goes to the first customer of the span.
func (s *span) begin(graves Graves) (*strider, error) {
	at := &strider{span: s, graves: graves}
	for _, page := range s.pages {
		block, err := page.decode()
		if err != nil {
			return nil, err
		}
		one := part{Outcomes: block, end: len(block.Ids)}
		if s.after != "" && block.Ids[0] <= s.after {
			one.place = behind(block.Ids, s.after)
		}
		if s.bounded && block.Ids[one.end-1] > s.end {
			one.end = behind(block.Ids, s.end)
		}
		at.parts = append(at.parts, one)
	}
	at.next()
	return at, at.err
}

// behind returns the place of the first id after the given one.
func behind(ids []string, id string) int {
	place, found := slices.BinarySearch(ids, id)
	if found {
		place++
	}
	return place
}

// strider goes through the customers of a span, who are in its overlay or in its snapshot.
type strider struct {
	*span
	graves Graves
	parts  []part // those that are not gone through
	over   int    // the row of the overlay that comes next

	id   string
	cell Cell
	open bool
	err  error
}

// next goes to the next customer. What was made of one that was deleted since is passed by, unless the run is read as it was left.
func (s *strider) next() {
	for s.step() {
		if s.reader.overlay == "" || s.graves.Of(s.id) <= s.cell.made {
			return
		}
	}
}

// step goes to the next customer, and reports whether there is one.
func (s *strider) step() bool {
	for len(s.parts) > 0 && s.parts[0].place == s.parts[0].end {
		s.parts = s.parts[1:]
	}
	under, over := len(s.parts) > 0, s.over < len(s.rows)
	if under {
		part := &s.parts[0]
		s.id, s.cell = part.Ids[part.place], Cell{Outcomes: part.Outcomes, Row: part.place}
		if over = over && s.rows[s.over].ID <= s.id; !over || s.rows[s.over].ID == s.id {
			part.place++
		}
	}
	if over {
		s.id = s.rows[s.over].ID
		s.cell, s.err = s.reader.cell(s.rows[s.over])
		s.over++
	}
	s.open = (under || over) && s.err == nil
	return s.open
}

// cell returns a row of the overlay.
func (r *Reader) cell(row *storage.OverlayRow) (Cell, error) {
	outcomes, err := newOutcomes(r.program, row.Row.GetBlock(), row.Version)
	if err != nil {
		return Cell{}, err
	}
	outcomes.asOf = row.Row.GetAsOf()
	return Cell{Outcomes: outcomes}, nil
}
