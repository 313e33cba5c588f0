package snapshot

import (
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/storage"
)

// Rows goes through the stored customers of the second reader, ascending, with what the first one has of each; nil where it has nothing. Whether rows are stale
// is not told, since customers are not looked at. What it hands out is used again, but for the results.
func (s *Stretch) Rows(hand func(before, row *Row) error) error {
	was, err := s.from.results()
	if err != nil {
		return err
	}
	is, err := s.to.results()
	if err != nil {
		return err
	}
	for more := was.next(); is.next(); {
		if err := is.err; err != nil {
			return err
		}
		if s.graves.Of(is.id) > is.made {
			continue // it was deleted since
		}
		for more && was.id < is.id {
			more = was.next()
		}
		if was.err != nil {
			return was.err
		}
		var before *Row
		if more && was.id == is.id && s.graves.Of(was.id) <= was.made {
			before = &was.row
		}
		if err := hand(before, &is.row); err != nil {
			return err
		}
	}
	return is.err
}

// rowStrider goes through the customers of a span as rows of results.
type rowStrider struct {
	*span
	parts []resultPart // those that are not gone through
	over  int          // the row of the overlay that comes next

	id   string
	row  Row
	made storage.Commit
	err  error
}

// resultPart is the rows of a block that are of a span.
type resultPart struct {
	*engine.Result
	place, end int
}

// results decodes the span.
func (s *span) results() (*rowStrider, error) {
	at := &rowStrider{span: s}
	for _, page := range s.pages {
		result, err := page.result()
		if err != nil {
			return nil, err
		}
		one := resultPart{Result: result, end: result.Len()}
		if s.after != "" && result.IDs[0] <= s.after {
			one.place = behind(result.IDs, s.after)
		}
		if s.bounded && result.IDs[one.end-1] > s.end {
			one.end = behind(result.IDs, s.end)
		}
		at.parts = append(at.parts, one)
	}
	return at, nil
}

// next goes to the next customer, who is in the overlay or in the snapshot, and reports whether there is one.
func (s *rowStrider) next() bool {
	for len(s.parts) > 0 && s.parts[0].place == s.parts[0].end {
		s.parts = s.parts[1:]
	}
	under, over := len(s.parts) > 0, s.over < len(s.rows)
	if under {
		part := &s.parts[0]
		s.id, s.row, s.made = part.IDs[part.place], Row{Result: part.Result, Index: part.place}, s.reader.readAt()
		if over = over && s.rows[s.over].ID <= s.id; !over || s.rows[s.over].ID == s.id {
			part.place++
		}
	}
	if over {
		row := s.rows[s.over]
		s.over++
		s.id, s.made = row.ID, row.Version
		s.row = Row{AsOf: row.Row.GetAsOf()}
		if s.row.Result, s.err = Decode(s.reader.program, row.Row.GetBlock()); s.err != nil {
			return false
		}
	}
	return under || over
}
