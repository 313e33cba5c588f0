package reason

import (
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Reason is one cause of an outcome, as echelonv1.Reason has it.
type Reason struct {
	Code                           echelonv1.Reason_Code
	Item, Part, Attribute, Message string
	// Until is when it ends, and Actor who caused it; empty where it has none.
	Until, Actor string
}

// Proto returns the reason as it goes over the wire.
func (r Reason) Proto() *echelonv1.Reason {
	return &echelonv1.Reason{Code: r.Code, Item: r.Item, Part: r.Part, Attribute: r.Attribute, Message: r.Message, Until: r.Until, Actor: r.Actor}
}

// Unreadable returns the reason why an expression of an item, or of a part of it, could not be read.
func Unreadable(item, part string, cause expr.Cause) Reason {
	r := Reason{Code: echelonv1.Reason_UNREADABLE, Item: item, Part: part, Attribute: cause.Missing}
	if cause.Missing != "" {
		r.Code = echelonv1.Reason_MISSING
	}
	place := item
	if part != "" {
		place += ", " + part
	}
	r.Message = fmt.Sprintf("%s: %s", place, cause)
	return r
}

// Table is the reasons of a batch's rows. A nil table takes reasons and forgets them.
type Table struct {
	// reasons are those of this batch and of batches before, as they go over the wire, and refs their places.
	reasons []*echelonv1.Reason
	refs    map[Reason]uint32
	// unread are the places of what Unreadable returned, by what it was given, and numbered those of what AddOf was given.
	unread   map[unreadable]uint32
	numbered map[numbered]uint32
	rows     []int32
	causes   []uint32
	// closed are the rows that take no more reasons; nil where all do.
	closed frame.Bitmap
	// next and listed are room to make a list in: where the next reason of each row goes, and the places of reasons in the list and one.
	next, listed []uint32
}

// unreadable is what Unreadable is given.
type unreadable struct {
	item, part string
	cause      expr.Cause
}

// numbered is a reason of an item by its number.
type numbered struct {
	item   string
	number int
}

// Memo is the reasons of an item that come again and again, by a number that tells them apart: of one model, an item and a number are one reason. It
// is of one batch.
type Memo struct {
	// Item is the item.
	Item string
	refs []uint32  // the place of each and one; 0 where it has not come yet
	few  [8]uint32 // where refs begins
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{refs: make(map[Reason]uint32), unread: make(map[unreadable]uint32), numbered: make(map[numbered]uint32)}
}

// kept is how many reasons of batches before a table keeps at most. Few models have more, but for those that quote what customers have.
const kept = 1024

// Reset begins another batch of the same model. Lists that were made hold on; reasons that come again need not be made again.
func (t *Table) Reset() {
	t.rows, t.causes, t.closed = t.rows[:0], t.causes[:0], nil
	if len(t.reasons) > kept {
		t.reasons = nil
		clear(t.refs)
		clear(t.unread)
		clear(t.numbered)
	}
}

// takes reports whether a row takes reasons.
func (t *Table) takes(row int) bool { return t != nil && (t.closed == nil || !t.closed.Get(row)) }

// Add gives a row one more reason.
func (t *Table) Add(row int, r Reason) {
	if t.takes(row) {
		t.put(row, t.ref(r))
	}
}

// AddOf is Add of the reason of a number, which is made when it first comes.
func (t *Table) AddOf(memo *Memo, number, row int, of func() Reason) {
	if !t.takes(row) {
		return
	}
	if number < len(memo.refs) && memo.refs[number] != 0 {
		t.put(row, memo.refs[number]-1)
		return
	}
	key := numbered{memo.Item, number}
	ref, known := t.numbered[key]
	if !known {
		ref = t.ref(of())
		t.numbered[key] = ref
	}
	if memo.refs == nil {
		memo.refs = memo.few[:0]
	}
	if missing := number + 1 - len(memo.refs); missing > 0 {
		memo.refs = append(memo.refs, make([]uint32, missing)...)
	}
	memo.refs[number] = ref + 1
	t.put(row, ref)
}

// AddUnreadable is Add of what Unreadable returns.
func (t *Table) AddUnreadable(row int, item, part string, cause expr.Cause) {
	if !t.takes(row) {
		return
	}
	given := unreadable{item, part, cause}
	ref, known := t.unread[given]
	if !known {
		ref = t.ref(Unreadable(item, part, cause))
		t.unread[given] = ref
	}
	t.put(row, ref)
}

// ref returns the place of a reason.
func (t *Table) ref(r Reason) uint32 {
	ref, known := t.refs[r]
	if !known {
		ref = uint32(len(t.reasons))
		t.refs[r] = ref
		t.reasons = append(t.reasons, r.Proto())
	}
	return ref
}

func (t *Table) put(row int, ref uint32) {
	t.rows = append(t.rows, int32(row))
	t.causes = append(t.causes, ref)
}

// Close ends the reasons of rows: those that are added later are forgotten.
func (t *Table) Close(rows frame.Bitmap) {
	if t != nil {
		t.closed = rows
	}
}

// Without does something while some rows take no reasons.
func (t *Table) Without(rows frame.Bitmap, do func()) {
	if t == nil {
		do()
		return
	}
	before := t.closed
	t.closed = slices.Clone(rows)
	for i := range before {
		t.closed[i] |= before[i]
	}
	do()
	t.closed = before
}

// List is the reasons of rows, in the order in which they were added to each.
type List struct {
	// Reasons are the different ones.
	Reasons []*echelonv1.Reason
	// Offsets say where a row's reasons begin: row i has Refs[Offsets[i]:Offsets[i+1]]. They are empty where reasons were not asked for.
	Offsets []uint32
	// Refs are places in Reasons.
	Refs []uint32
}

// List returns the reasons of n rows.
func (t *Table) List(n int) *List {
	if t == nil {
		return &List{}
	}
	places := make([]uint32, n+1+len(t.rows))
	list := &List{Offsets: places[: n+1 : n+1], Refs: places[n+1:]}
	for _, row := range t.rows {
		list.Offsets[row+1]++
	}
	for i := range n {
		list.Offsets[i+1] += list.Offsets[i]
	}
	t.next = append(t.next[:0], list.Offsets[:n]...)
	t.listed = append(t.listed[:0], make([]uint32, len(t.reasons))...)
	for i, row := range t.rows {
		cause := t.causes[i]
		if t.listed[cause] == 0 { // the list has only what came in this batch, in the order in which it came
			list.Reasons = append(list.Reasons, t.reasons[cause])
			t.listed[cause] = uint32(len(list.Reasons))
		}
		list.Refs[t.next[row]] = t.listed[cause] - 1
		t.next[row]++
	}
	return list
}

// Count returns how many reasons row i has.
func (l *List) Count(i int) uint32 {
	if l.Offsets == nil {
		return 0
	}
	return l.Offsets[i+1] - l.Offsets[i]
}

// Of returns row i's reasons. They are shared: do not change them.
func (l *List) Of(i int) []*echelonv1.Reason {
	if l.Offsets == nil {
		return nil
	}
	refs := l.Refs[l.Offsets[i]:l.Offsets[i+1]]
	if len(refs) == 0 {
		return nil
	}
	reasons := make([]*echelonv1.Reason, len(refs))
	for k, ref := range refs {
		reasons[k] = l.Reasons[ref]
	}
	return reasons
}
