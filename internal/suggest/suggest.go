package suggest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Options says what a model is suggested for.
type Options struct {
	// Name is the model's.
	Name string
	// File is what the file is called in comments.
	File string
	// IDColumn has the ids; empty is to be found. RowIDs tells that no column has.
	IDColumn string
	RowIDs   bool
	// Flags are those that say how the file is read, each after a blank, for the command in the comment.
	Flags string
}

// Suggestion is a first model.
type Suggestion struct {
	// Model is the model, and YAML its file, with comments.
	Model *echelonv1.Model
	YAML  []byte
	// IDColumn is the column that has the ids; empty where the rows are numbered.
	IDColumn string
	// Notes are what people should look at, in sentences.
	Notes []string
}

// ErrNoID is that no column tells customers apart.
var ErrNoID = errors.New("no column has another value in each row, so none tells customers apart: name one by --id-column, or number the rows with --row-ids")

// builder makes a suggestion.
type builder struct {
	profile  *Profile
	options  Options
	model    *echelonv1.Model
	comments map[string]string
	notes    []string
	id       string
	facts    []*fact
	leftOut  []string
	money    *fact
}

// Suggest makes a model of a profile. It fails with ErrNoID, where the named id column is not there, and where the columns show nothing to go by.
func Suggest(p *Profile, options Options) (*Suggestion, error) {
	b := &builder{profile: p, options: options, comments: make(map[string]string), model: &echelonv1.Model{Name: options.Name}}
	if p.rows == 0 {
		return nil, errors.New("there are no customers: give the file a line for each")
	}
	total := p.takeTotal()
	for _, c := range p.columns {
		c.settle()
	}
	if err := b.findID(); err != nil {
		return nil, err
	}
	b.findFacts()
	if total != nil {
		b.refuseTotal(total)
	}
	b.money = b.findMoney()
	b.currencies()
	b.segmentations()
	b.score()
	if err := b.check(); err != nil {
		return nil, err
	}
	b.describe()
	data, err := modelfile.Marshal(b.model)
	if err == nil {
		data, err = commented(data, b.comments)
	}
	if err != nil {
		return nil, err
	}
	return &Suggestion{Model: b.model, YAML: data, IDColumn: b.id, Notes: b.notes}, nil
}

// check compiles the model, and drops what lint would advise against: a segment that a file names like a way of being served.
func (b *builder) check() error {
	for {
		if len(b.model.GetSegmentations())+len(b.model.GetScores()) == 0 {
			why := ""
			if len(b.leftOut) > 0 {
				why = " (left out: " + strings.Join(b.leftOut, "; ") + ")"
			}
			return fmt.Errorf("no column groups customers or says what they are worth: add one with an amount, a number or a few repeated words%s", why)
		}
		_, found := engine.Compile(b.model)
		if len(found) == 0 {
			return nil
		}
		i := slices.IndexFunc(b.model.GetSegmentations(), func(s *echelonv1.Segmentation) bool {
			at := fmt.Sprintf("segmentations[%d]", slices.Index(b.model.GetSegmentations(), s))
			return found[0].Path == at || strings.HasPrefix(found[0].Path, at+".")
		})
		if i < 0 {
			return fmt.Errorf("the suggested model is not sound, report it with the file's header: %s", found[0])
		}
		b.note("the segmentation %s is left out: %s", b.model.GetSegmentations()[i].GetName(), found[0].Message)
		b.drop(i)
	}
}

// drop takes a segmentation out, with its comment.
func (b *builder) drop(i int) {
	for k := i; k < len(b.model.GetSegmentations()); k++ {
		b.comments[fmt.Sprintf("segmentations[%d]", k)] = b.comments[fmt.Sprintf("segmentations[%d]", k+1)]
	}
	b.model.Segmentations = slices.Delete(b.model.Segmentations, i, i+1)
}

func (b *builder) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// describe writes the head of the file.
func (b *builder) describe() {
	b.model.Description = "A first model of " + b.options.File + ", to argue with"
	id := "--row-ids"
	if b.id != "" {
		id = fmt.Sprintf("--id-column %q", b.id)
	}
	id += b.options.Flags
	text := fmt.Sprintf("Suggested from the %d rows of %s. Every number and weight here is a proposal: change what you know better.\n"+
		"Try it:\nechelon score --model MODEL.yaml --input %s %s --output tiers.csv", b.profile.rows, b.options.File, b.options.File, id)
	if len(b.leftOut) > 0 {
		text += "\nLeft out: " + strings.Join(b.leftOut, "; ") + "."
	}
	for _, note := range b.notes {
		text += "\nNote: " + note + "."
	}
	b.comments[""] = text
}
