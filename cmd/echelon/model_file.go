package main

import (
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// modelFile is a model that was read from a file.
type modelFile struct {
	source *modelfile.Source
	model  *echelonv1.Model
	// program is nil where the model has mistakes.
	program *engine.Program
	// found is all that was found, with the places in the file.
	found diag.List
}

// readModel reads and compiles a model file. Its mistakes are no error.
func readModel(file string) (*modelFile, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	model, source, found := modelfile.Parse(file, data)
	m := &modelFile{source: source, model: model}
	if !found.HasMistakes() || proto.Size(model) > 0 {
		program, meaning := engine.Compile(model)
		if !found.HasMistakes() {
			m.program = program
		}
		found.Add(beside(source, found, meaning)...)
	}
	m.found = source.Locate(found)
	return m, nil
}

// beside returns those findings that do not only follow from something that could not be read: what is missing because of it.
func beside(source *modelfile.Source, unread, meaning diag.List) diag.List {
	if !unread.HasMistakes() {
		return meaning
	}
	var kept diag.List
	for _, f := range meaning.Mistakes() {
		follows := false
		for _, u := range unread {
			follows = follows || f.Path == u.Path || u.Path != "" && strings.HasPrefix(f.Path, u.Path+".") && !source.Holds(f.Path)
		}
		if !follows {
			kept.Add(f)
		}
	}
	return kept
}

// useModel reads a model file and shows what was found. It fails where the model has mistakes.
func (c *cli) useModel(file string) (*modelFile, error) {
	m, err := readModel(file)
	if err != nil {
		return nil, err
	}
	if err := m.found.Format(c.stderr, 0); err != nil {
		return nil, err
	}
	if m.program == nil {
		return nil, mistaken(file, m.found)
	}
	return m, nil
}

// mistaken is the error of a model that has mistakes, which have been told.
func mistaken(file string, found diag.List) error {
	n := len(found.Mistakes())
	if n == 1 {
		return &failure{exitModel, fmt.Errorf("%s has a mistake: mend it", file)}
	}
	return &failure{exitModel, fmt.Errorf("%s has %d mistakes: mend them", file, n)}
}

// isFile reports whether a name is that of a file that is there.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}
