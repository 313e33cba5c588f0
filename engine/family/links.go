package family

import (
	"slices"
	"strings"
)

// Links gathers which customer names which parent.
type Links struct {
	ids, parents []string
}

// Add adds a customer, whose id comes once, and the id of its parent; "" where it names none.
func (l *Links) Add(id, parent string) {
	l.ids, l.parents = append(l.ids, id), append(l.parents, parent)
}

// Findings is what is odd about parents.
type Findings struct {
	// Missing name a parent that is not there, Self themselves, and Cyclic are on a cycle of several.
	Missing, Self, Cyclic Oddity
}

// Oddity is customers with the same flaw.
type Oddity struct {
	// Count is how many there are.
	Count int64
	// Examples are the first of them, by id.
	Examples []Example
}

// Example is a customer and the parent that it names.
type Example struct {
	ID, Parent string
}

// maxExamples is how many examples are kept of each flaw.
const maxExamples = 3

// add counts a customer, and keeps it if it is among the first by id.
func (o *Oddity) add(id, parent string) {
	o.Count++
	at, _ := slices.BinarySearchFunc(o.Examples, id, func(e Example, id string) int { return strings.Compare(e.ID, id) })
	o.Examples = slices.Insert(o.Examples, at, Example{id, parent})
	o.Examples = o.Examples[:min(maxExamples, len(o.Examples))]
}

// What is known of a customer while roots are looked for.
const (
	noParent = -1 // in up: it names none, or one that is not there
	unknown  = -1 // in root
	onWay    = -2 // in root: it is on the way that is gone just now
)

// Table returns the families, with room for what functions and tierings make of them, and what is odd. Each customer is looked at a bounded number
// of times, however long the chains of parents are.
func (l *Links) Table(functions, tierings []string) (*Table, Findings) {
	root, cyclic, found := l.join(len(l.ids))
	return l.table(root, cyclic, functions, tierings), found
}

// Odd returns what is odd about the first n customers, the others being there for them to name, or to close a cycle with.
func (l *Links) Odd(n int) Findings {
	_, _, found := l.join(n)
	return found
}

// join returns the root of each customer, who is on a cycle, and what is odd about the first n.
func (l *Links) join(n int) (root []int32, cyclic []bool, found Findings) {
	place := make(map[string]int32, len(l.ids))
	for i, id := range l.ids {
		place[id] = int32(i)
	}
	add := func(to *Oddity, i int) {
		if i < n {
			to.add(l.ids[i], l.parents[i])
		}
	}
	up := make([]int32, len(l.ids))
	for i, parent := range l.parents {
		up[i] = noParent
		above, there := place[parent]
		switch {
		case parent == "":
		case !there:
			add(&found.Missing, i)
		case parent == l.ids[i]:
			add(&found.Self, i)
		default:
			up[i] = above
		}
	}
	root, cyclic = roots(up)
	for i, is := range cyclic {
		if is {
			add(&found.Cyclic, i)
		}
	}
	return root, cyclic, found
}

// roots returns the root of each customer, and who is on a cycle. It goes up from each customer as far as nobody went before, and marks the whole
// way with what it comes to.
func roots(up []int32) (root []int32, cyclic []bool) {
	root, cyclic = make([]int32, len(up)), make([]bool, len(up))
	for i := range root {
		root[i] = unknown
	}
	var way []int32
	for i := range up {
		way = way[:0]
		at := int32(i)
		for root[at] == unknown {
			root[at] = onWay
			way = append(way, at)
			if up[at] == noParent {
				root[at] = at
				break
			}
			at = up[at]
		}
		if root[at] == onWay { // the way came back to itself: whoever is from here on is on a cycle
			begins := slices.Index(way, at)
			for _, one := range way[begins:] {
				root[one], cyclic[one] = one, true
			}
			way = way[:begins]
		}
		for k := len(way) - 1; k >= 0; k-- {
			if root[way[k]] == onWay {
				root[way[k]] = root[at]
			}
		}
	}
	return root, cyclic
}

// table numbers the families of two customers or more by the ids of their roots.
func (l *Links) table(root []int32, cyclic []bool, functions, tierings []string) *Table {
	sizes := make([]int64, len(root))
	for _, r := range root {
		sizes[r]++
	}
	var heads []int32
	for i, size := range sizes {
		if size > 1 {
			heads = append(heads, int32(i))
		}
	}
	slices.SortFunc(heads, func(a, b int32) int { return strings.Compare(l.ids[a], l.ids[b]) })
	t := NewTable(functions, tierings)
	number := make(map[int32]int32, len(heads))
	for _, head := range heads {
		number[head] = t.add(l.ids[head], sizes[head])
	}
	for i, r := range root {
		if sizes[r] > 1 {
			t.places[l.ids[i]] = number[r]
		} else if cyclic[i] {
			t.places[l.ids[i]] = Alone
		}
	}
	return t
}
