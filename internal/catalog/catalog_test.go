package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

const file = `
name: m
attributes: [{name: x, type: NUMBER}]
segmentations: [{name: size, segments: [{name: Large, when: "x >= 50.0"}], otherwise: Small}]
`

var noon = time.Date(2026, 1, 31, 12, 0, 0, 1999, time.UTC)

func model(t testing.TB, text string) *echelonv1.Model {
	t.Helper()
	m, _, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	return m
}

func open(t testing.TB) (*catalog.Catalog, storage.Store) {
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return catalog.New(store, func() time.Time { return noon }), store
}

func TestACompiledModelIsSharedAndNotTheCallers(t *testing.T) {
	c, _ := open(t)
	given := model(t, file)
	first, err := c.Compile(given)
	if err != nil {
		t.Fatal(err)
	}
	given.Segmentations[0].Segments[0].Name = "Huge" // the caller may do with it what it likes
	again, err := c.Compile(model(t, file))
	if err != nil || again != first {
		t.Errorf("an equal model was compiled again: %v", err)
	}
	if names := first.SegmentNames(0); names[0] != "Large" || first.Model().GetSegmentations()[0].GetSegments()[0].GetName() != "Large" {
		t.Errorf("the caller changed what is shared: %v", names)
	}
	other, err := c.Compile(given)
	if err != nil || other == first {
		t.Errorf("another model is taken for the first: %v", err)
	}
}

func TestAModelWithMistakesIsNotKept(t *testing.T) {
	c, _ := open(t)
	bad := model(t, strings.Replace(file, "x >= 50.0", "y >= 50.0", 1))
	for range 2 {
		if _, err := c.Compile(bad); !fault.Is(err, echelonv1.ErrorReason_MODEL_INVALID) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := c.Create(context.Background(), bad); !fault.Is(err, echelonv1.ErrorReason_MODEL_INVALID) {
		t.Errorf("created: %v", err)
	}
}

func TestManyCallersResolveAndCreateAtOnce(t *testing.T) {
	c, store := open(t)
	ctx := context.Background()
	if _, err := c.Create(ctx, model(t, file)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Activate(ctx, "m", 1); err != nil {
		t.Fatal(err)
	}
	stored := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: "m"}}}
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for g := range 8 {
		wait.Go(func() {
			inline := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Inline{Inline: model(t, file)}}
			for i := range 20 {
				inline.GetInline().Description = fmt.Sprint(i * g)
				for _, e := range []*echelonv1.Evaluator{stored, inline} {
					r, err := c.Resolve(ctx, e)
					if err == nil {
						_, err = c.Scorer(r)
					}
					if err != nil {
						errs <- err
						return
					}
				}
				if _, err := c.Create(ctx, proto.CloneOf(inline.GetInline())); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	view, err := store.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	head, err := catalog.Head(view, "m")
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for version := range head.GetLatestVersion() {
		v, err := catalog.Version(view, "m", version+1)
		if err != nil || v.GetFingerprint() != engine.Fingerprint(v.GetModel()) {
			t.Fatalf("version %d: %v", version+1, err)
		}
		if v.GetFingerprint() == last {
			t.Errorf("version %d equals the one before", version+1)
		}
		last = v.GetFingerprint()
	}
}

// What a name resolves to is kept, and must not outlive a publication.
func TestANameResolvesToWhatIsPublishedNow(t *testing.T) {
	c, store := open(t)
	ctx := context.Background()
	for _, description := range []string{"first", "second"} {
		m := model(t, file)
		m.Description = description
		if _, err := c.Create(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	publish := func(version int64) {
		t.Helper()
		err := store.Update(ctx, func(tx storage.Tx) error {
			return tx.PutDocument(storage.KindCurrent, "m", &storagev1.Current{RunId: "r", ModelVersion: version})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	resolve := func(version int64) *catalog.Resolved {
		t.Helper()
		r, err := c.Resolve(ctx, &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: "m", Version: version}}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, published := range []int64{1, 2, 1, 1, 2} {
		publish(published)
		for range 3 {
			for _, asked := range []int64{0, 1, 2} {
				want := asked
				if want == 0 {
					want = published
				}
				r := resolve(asked)
				description := []string{"first", "second"}[want-1]
				if r.Provenance.GetModelVersion() != want || r.Program.Model().GetDescription() != description || r.Provenance.GetModelFingerprint() != r.Program.Fingerprint() {
					t.Fatalf("version %d, with %d published, is %v", asked, published, r.Provenance)
				}
				if scorer, err := c.Scorer(r); err != nil || scorer.Program() != r.Program {
					t.Fatalf("version %d, with %d published, has another scorer: %v", asked, published, err)
				}
			}
		}
	}
	// The evaluator's own calibration is not that of the publication.
	inline := &echelonv1.Evaluator{
		Model:       &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: "m"}},
		Calibration: &echelonv1.Evaluator_CalibrationId{CalibrationId: "none"},
	}
	if _, err := c.Resolve(ctx, inline); !fault.Is(err, echelonv1.ErrorReason_CALIBRATION_NOT_FOUND) {
		t.Errorf("got %v", err)
	}
}

func TestTheInstantIsCutToTheMicrosecond(t *testing.T) {
	c, _ := open(t)
	r, err := c.Resolve(context.Background(), &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Inline{Inline: model(t, file)}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Provenance.GetAsOf().AsTime(), noon.Truncate(time.Microsecond); !got.Equal(want) {
		t.Errorf("as of %v, want %v", got, want)
	}
}
