package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// RenameAttribute gives an attribute of the store another name, and returns the schema. INVALID_REQUEST, ATTRIBUTE_NOT_FOUND, SCHEMA_CONFLICT.
func (c *Catalog) RenameAttribute(ctx context.Context, from, to string) (*storagev1.Schema, error) {
	if why := engine.AttributeNameFault(to); why != "" {
		f := fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "%s is no name of an attribute: %s", frame.Quote(to), why)
		f.Violations = []fault.Violation{{Field: "to", Description: why}}
		return nil, f
	}
	var schema *storagev1.Schema
	err := c.store.Update(ctx, func(tx storage.Tx) (err error) {
		schema, _, err = storage.RenameAttribute(tx, from, to)
		return noAttribute(tx, from, err)
	})
	return schema, err
}

// RetireAttribute ends an attribute of the store, and returns the schema. ATTRIBUTE_NOT_FOUND, ATTRIBUTE_IN_USE.
func (c *Catalog) RetireAttribute(ctx context.Context, name string) (*storagev1.Schema, error) {
	var schema *storagev1.Schema
	err := c.store.Update(ctx, func(tx storage.Tx) error {
		before, err := storage.ReadSchema(tx)
		if err != nil {
			return err
		}
		if attribute := storage.AttributesByName(before)[name]; attribute.GetName() == name {
			users, err := usersOf(tx, attribute)
			if err != nil {
				return err
			}
			if len(users) > 0 {
				return inUse(name, users)
			}
		}
		schema, _, err = storage.RetireAttribute(tx, name)
		return noAttribute(tx, name, err)
	})
	return schema, err
}

// inUse is the fault of an attribute that models still read.
func inUse(name string, users []string) error {
	const named = 5
	text := strings.Join(users[:min(named, len(users))], ", ")
	if len(users) > named {
		text += fmt.Sprintf(" and %d more", len(users)-named)
	}
	return fault.New(echelonv1.ErrorReason_ATTRIBUTE_IN_USE,
		"the attribute %s is declared by %s: activate and publish versions that do without it first", frame.Quote(name), text).With("models", text)
}

// noAttribute turns the absence of an attribute into its fault, with what was probably meant.
func noAttribute(documents storage.Documents, name string, err error) error {
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	schema, err := storage.ReadSchema(documents)
	if err != nil {
		return err
	}
	by := storage.AttributesByName(schema)
	if now := by[name]; now != nil {
		return fault.New(echelonv1.ErrorReason_ATTRIBUTE_NOT_FOUND, "the attribute %s was renamed %s: give that name", frame.Quote(name), now.GetName())
	}
	names := make([]string, 0, len(by))
	for known := range by {
		names = append(names, known)
	}
	slices.Sort(names)
	hint := diag.DidYouMean(name, names)
	if hint == "" {
		hint = "show the schema to see them all"
	}
	return fault.New(echelonv1.ErrorReason_ATTRIBUTE_NOT_FOUND, "the store has no attribute %s: %s", frame.Quote(name), hint)
}

// usersOf returns the active and the published versions of models that declare an attribute, which may be nil.
func usersOf(documents storage.Documents, attribute *storagev1.SchemaAttribute) ([]string, error) {
	if attribute == nil || attribute.GetRetired() {
		return nil, nil
	}
	heads, err := versionsInUse(documents)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, use := range heads {
		version, err := Version(documents, use.model, use.version)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(version.GetModel().GetAttributes(), func(a *echelonv1.Attribute) bool {
			return a.GetName() == attribute.GetName() || slices.Contains(attribute.GetFormerNames(), a.GetName())
		}) {
			users = append(users, fmt.Sprintf("the %s version %d of the model %s", use.as, use.version, use.model))
		}
	}
	return users, nil
}

// use is a version of a model that is active or published.
type use struct {
	model   string
	version int64
	as      string
}

// versionsInUse lists the active and the published versions of all models, by name.
func versionsInUse(documents storage.Documents) ([]use, error) {
	var list []use
	for document, err := range documents.Documents(storage.KindModelHead, storage.DocumentScan{}) {
		head := &storagev1.ModelHead{}
		if err == nil {
			err = document.Decode(head)
		}
		if err != nil {
			return nil, err
		}
		if active := head.GetActiveVersion(); active != 0 {
			list = append(list, use{document.Key, active, "active"})
		}
	}
	for document, err := range documents.Documents(storage.KindCurrent, storage.DocumentScan{}) {
		current := &storagev1.Current{}
		if err == nil {
			err = document.Decode(current)
		}
		if err != nil {
			return nil, err
		}
		one := use{document.Key, current.GetModelVersion(), "published"}
		if !slices.ContainsFunc(list, func(u use) bool { return u.model == one.model && u.version == one.version }) {
			list = append(list, one)
		}
	}
	return list, nil
}

// CheckReadable returns a *storage.SchemaConflictError where a stored version of a model reads attributes that were retired since.
func (c *Catalog) CheckReadable(documents storage.Documents, name string, version int64) error {
	program, err := c.Program(documents, name, version)
	if err != nil {
		return err
	}
	schema, err := storage.ReadSchema(documents)
	if err != nil {
		return err
	}
	return storage.CheckReadable(storage.AttributesByName(schema), program.Schema())
}
