package catalog

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// cached is how many compiled programs, and how many scorers, are kept.
const cached = 64

// Catalog is the models of a store. It may be used by several goroutines.
type Catalog struct {
	store    storage.Store
	now      func() time.Time
	programs *cache[*engine.Program]
	scorers  *cache[*engine.Scorer]
	// versions are programs of stored versions, which never change.
	versions *cache[*engine.Program]

	published *cache[*Published]
	// standing is what the names of models resolve to, as long as no publication changes.
	standing *cache[standing]
}

// New returns the catalog of a store. Now tells the time of creation of models.
func New(store storage.Store, now func() time.Time) *Catalog {
	return &Catalog{
		store: store, now: now, programs: newCache[*engine.Program](cached), scorers: newCache[*engine.Scorer](cached),
		versions: newCache[*engine.Program](cached), published: newCache[*Published](cached), standing: newCache[standing](cached),
	}
}

// Compile compiles a model, or returns a fault that names all its mistakes.
func (c *Catalog) Compile(model *echelonv1.Model) (*engine.Program, error) {
	return c.programs.get(engine.Fingerprint(model), func() (*engine.Program, error) {
		program, found := engine.Compile(proto.CloneOf(model))
		if found.HasMistakes() {
			return nil, fault.Model(found)
		}
		return program, nil
	})
}

// Create stores a new version of a model and registers its attributes. A model that equals the newest version is that version.
func (c *Catalog) Create(ctx context.Context, model *echelonv1.Model) (*echelonv1.ModelVersion, error) {
	_, found := engine.Compile(model)
	if found.HasMistakes() {
		return nil, fault.Model(found)
	}
	var version *echelonv1.ModelVersion
	err := c.store.Update(ctx, func(tx storage.Tx) error {
		head, err := readHead(tx, model.GetName())
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		fingerprint := engine.Fingerprint(model)
		if head.GetLatestFingerprint() == fingerprint {
			version, err = readVersion(tx, model.GetName(), head.GetLatestVersion())
			version.Active = head.GetActiveVersion() == version.GetVersion()
			return err
		}
		if _, _, err := storage.RegisterAttributes(tx, model.GetAttributes()); err != nil {
			return err
		}
		version = &echelonv1.ModelVersion{
			Name: model.GetName(), Version: head.GetLatestVersion() + 1, Fingerprint: fingerprint,
			CreateTime: timestamppb.New(c.now()), Model: model, Findings: engine.FindingsProto(found),
		}
		head.LatestVersion, head.LatestFingerprint, head.Description = version.GetVersion(), fingerprint, model.GetDescription()
		if err := tx.PutDocument(storage.KindModelHead, model.GetName(), head); err != nil {
			return err
		}
		return tx.PutDocument(storage.KindModelVersion, storage.VersionKey(model.GetName(), version.GetVersion()), version)
	})
	return version, err
}

// Activate names the version that the model's next run evaluates; version 0 is the newest.
func (c *Catalog) Activate(ctx context.Context, name string, version int64) (*echelonv1.ModelVersion, error) {
	var active *echelonv1.ModelVersion
	err := c.store.Update(ctx, func(tx storage.Tx) error {
		head, err := Head(tx, name)
		if err != nil {
			return err
		}
		chosen := version
		if chosen == 0 {
			chosen = head.GetLatestVersion()
		}
		if active, err = Version(tx, name, chosen); err != nil {
			return err
		}
		if err := c.CheckReadable(tx, name, chosen); err != nil {
			return err
		}
		active.Active, active.Model = true, nil
		head.ActiveVersion = chosen
		return tx.PutDocument(storage.KindModelHead, name, head)
	})
	return active, err
}

// Head returns what changes about a model. MODEL_NOT_FOUND.
func Head(documents storage.Documents, name string) (*storagev1.ModelHead, error) {
	head, err := readHead(documents, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_MODEL_NOT_FOUND, "there is no model %q: create it first, or list the models", name)
	}
	return head, err
}

func readHead(documents storage.Documents, name string) (*storagev1.ModelHead, error) {
	head := &storagev1.ModelHead{}
	return head, documents.Document(storage.KindModelHead, name, head)
}

// Version returns a version of a model. MODEL_NOT_FOUND.
func Version(documents storage.Documents, name string, version int64) (*echelonv1.ModelVersion, error) {
	found, err := readVersion(documents, name, version)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_MODEL_NOT_FOUND, "there is no version %d of the model %q: show the model to see its newest", version, name)
	}
	return found, err
}

func readVersion(documents storage.Documents, name string, version int64) (*echelonv1.ModelVersion, error) {
	found := &echelonv1.ModelVersion{}
	return found, documents.Document(storage.KindModelVersion, storage.VersionKey(name, version), found)
}

// Current returns a model's publication. NOTHING_PUBLISHED.
func Current(documents storage.Documents, name string) (*storagev1.Current, error) {
	current, err := readCurrent(documents, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_NOTHING_PUBLISHED, "no run of the model %q is published: start a run and publish it", name)
	}
	return current, err
}

func readCurrent(documents storage.Documents, name string) (*storagev1.Current, error) {
	current := &storagev1.Current{}
	return current, documents.Document(storage.KindCurrent, name, current)
}

// Program returns the compiled version of a model. Models are read once: reading one takes longer than evaluating a customer.
func (c *Catalog) Program(documents storage.Documents, name string, version int64) (*engine.Program, error) {
	return c.versions.get(name+"/"+strconv.FormatInt(version, 10), func() (*engine.Program, error) {
		found, err := Version(documents, name, version)
		if err != nil {
			return nil, err
		}
		return c.programs.get(found.GetFingerprint(), func() (*engine.Program, error) {
			program, mistakes := engine.CompileStored(found.GetModel())
			if mistakes.HasMistakes() {
				return nil, fault.Model(mistakes)
			}
			return program, nil
		})
	})
}
