package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// maxAncestors is how many customers beside those of a batch are read to find cycles of parents. Who is further up counts as having no parent.
const maxAncestors = 10_000

// maxFindingBytes is how many bytes of findings a write is answered at most: the models after that get the numbers alone.
const maxFindingBytes = 16 << 10

// joining is what a publication makes of families.
type joining struct {
	overlay, run string
	// parent is the attribute with a parent's id, as the model declares it; "" where nothing that is evaluated reads families.
	parent frame.Field
}

// joinings remembers what the publications make of families, by their model.
type joinings struct {
	mu sync.Mutex
	of map[string]joining
}

// Families says what written customers, which are those stored, mean for the families of each published model that reads some, by its name. They are
// counted as of a view that sees the commit which stored them. Nil customers are not counted.
func (i *Intake) Families(ctx context.Context, stored *frame.Frame) ([]*echelonv1.WrittenFamilies, error) {
	view, err := i.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var all []*echelonv1.WrittenFamilies
	room := maxFindingBytes
	counted := make(map[string]*echelonv1.WrittenFamilies)
	for document, err := range view.Documents(storage.KindCurrent, storage.DocumentScan{}) {
		if err != nil {
			return nil, err
		}
		current := &storagev1.Current{}
		if err := document.Decode(current); err != nil {
			return nil, err
		}
		j, err := i.joining(view, document.Key, current)
		if err != nil {
			return nil, err
		}
		if j.parent.Name == "" {
			continue
		}
		one := &echelonv1.WrittenFamilies{}
		if same := counted[j.parent.Name]; same != nil {
			one = &echelonv1.WrittenFamilies{WithParent: same.GetWithParent(), MissingParents: same.GetMissingParents(), OwnParents: same.GetOwnParents(),
				OnCycles: same.GetOnCycles(), Findings: same.GetFindings()}
		} else if err := parents(ctx, view, j.parent, stored, one); err != nil {
			return nil, err
		}
		counted[j.parent.Name] = one
		for _, f := range one.GetFindings() {
			room -= proto.Size(f)
		}
		if room < 0 {
			one.Findings = nil
		}
		one.Model, one.RunId, one.Parent = document.Key, j.run, j.parent.Name
		all = append(all, one)
	}
	return all, nil
}

// joining returns what a publication makes of families.
func (i *Intake) joining(documents storage.Documents, model string, current *storagev1.Current) (joining, error) {
	overlay := storage.OverlayOf(current)
	i.joinings.mu.Lock()
	known, ok := i.joinings.of[model]
	i.joinings.mu.Unlock()
	if ok && known.overlay == overlay {
		return known, nil
	}
	run := &echelonv1.Run{}
	if err := documents.Document(storage.KindRun, current.GetRunId(), run); err != nil {
		return joining{}, fmt.Errorf("reading the published run of the model %q: %w", model, err)
	}
	program, err := i.catalog.Program(documents, run.GetModel(), run.GetModelVersion())
	if err != nil {
		return joining{}, err
	}
	j := joining{overlay: overlay, run: run.GetId()}
	if program.NeedsFamilies() {
		j.parent = program.ParentField()
	}
	i.joinings.mu.Lock()
	defer i.joinings.mu.Unlock()
	if i.joinings.of == nil {
		i.joinings.of = make(map[string]joining)
	}
	i.joinings.of[model] = j
	return j, nil
}

// parents counts the customers whose parents are odd. It reads who is above them, level by level, each customer once.
func parents(ctx context.Context, view storage.Reader, parent frame.Field, stored *frame.Frame, to *echelonv1.WrittenFamilies) error {
	if stored == nil {
		return nil
	}
	schema, err := storage.ReadSchema(view)
	if err != nil {
		return err
	}
	fields := frame.NewSchema(parent)
	named := read(schema, stored, fields)
	var links family.Links
	known := make(map[string]bool, named.Len())
	var above []string
	link := func(id, parent string) {
		links.Add(id, parent)
		if parent != "" {
			above = append(above, parent)
		}
	}
	// Of two rows of one customer the later is stored.
	for row := named.Len() - 1; row >= 0; row-- {
		if id := named.IDs[row]; !known[id] {
			known[id] = true
			link(id, textOf(named, row))
		}
	}
	own := len(known)
	to.WithParent = int64(len(above))
	for len(above) > 0 {
		level := slices.Compact(slices.Sorted(slices.Values(above)))
		above = nil
		for _, id := range level {
			if known[id] || len(id) > frame.MaxIDBytes {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			known[id] = true
			if len(known)-own > maxAncestors {
				links.Add(id, "")
				continue
			}
			batch, err := view.Customer(id, fields)
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if batch.Frame.Len() == 1 {
				link(id, textOf(batch.Frame, 0))
			}
		}
	}
	odd := links.Odd(own)
	to.MissingParents, to.OwnParents, to.OnCycles = odd.Missing.Count, odd.Self.Count, odd.Cyclic.Count
	to.Findings = engine.FindingsProto(engine.ParentFindings(odd))
	return nil
}

// textOf returns the text of the only column of a row; "" where it is missing.
func textOf(f *frame.Frame, row int) string {
	if !f.Columns[0].Valid.Get(row) {
		return ""
	}
	return strings.Clone(f.Columns[0].String(row))
}
