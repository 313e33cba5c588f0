package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/jobs"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
	"github.com/echelonhq/echelon/storage/memory"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

// world is a store with a ledger, and a clock that the test moves.
type world struct {
	t      testing.TB
	store  storage.Store
	now    time.Time
	ledger *jobs.Ledger
}

func newWorld(t testing.TB, store storage.Store) *world {
	w := &world{t: t, store: store, now: noon}
	w.ledger = jobs.New(store, func() time.Time { return w.now }, week)
	return w
}

func inMemory(t testing.TB) *world {
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return newWorld(t, store)
}

func named(id string) *echelonv1.ImportHeader { return &echelonv1.ImportHeader{JobId: id} }

// open opens a job as alice.
func (w *world) open(id string) *jobs.Job {
	w.t.Helper()
	j, err := w.ledger.Open(context.Background(), "alice", named(id))
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// send sends a batch whose content is a text, and returns its answer. Each time that it is stored, stored counts.
func (w *world) send(j *jobs.Job, sequence int64, content string, stored *int) (answer *echelonv1.ImportedBatch, err error) {
	err = w.store.Update(context.Background(), func(tx storage.Tx) error {
		n := 0
		answer, err = j.Once(tx, sequence, []byte(content), func() (*echelonv1.ImportedBatch, error) {
			n++
			return &echelonv1.ImportedBatch{Sequence: sequence, Stored: int64(len(content)), Errors: []*echelonv1.RowError{{Index: 1, Message: content}}}, nil
		})
		*stored += n
		return err
	})
	return answer, err
}

func (w *world) sent(j *jobs.Job, sequence int64, content string) *echelonv1.ImportedBatch {
	w.t.Helper()
	var n int
	answer, err := w.send(j, sequence, content, &n)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// kept counts what the store keeps of jobs.
func (w *world) kept() (documents, batches int) {
	w.t.Helper()
	view, err := w.store.View(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	defer view.Close()
	for _, kind := range []storage.Kind{storage.KindJob, storage.KindJobBatch} {
		for _, err := range view.Documents(kind, storage.DocumentScan{}) {
			if err != nil {
				w.t.Fatal(err)
			}
			if kind == storage.KindJob {
				documents++
			} else {
				batches++
			}
		}
	}
	return documents, batches
}

func checkReason(t testing.TB, err error, reason echelonv1.ErrorReason, words ...string) {
	t.Helper()
	if !fault.Is(err, reason) {
		t.Fatalf("error %v, want %v", err, reason)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestABatchIsStoredOnceAndAnsweredAlike(t *testing.T) {
	w := inMemory(t)
	j, stored := w.open("nightly"), 0
	var first []*echelonv1.ImportedBatch
	for i := range int64(3) {
		answer, err := w.send(j, i+1, strings.Repeat("x", int(i)+1), &stored)
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, answer)
	}
	again := w.open("nightly")
	if again.Last() != 3 {
		t.Errorf("the last batch is %d", again.Last())
	}
	for i := range int64(3) {
		answer, err := w.send(again, i+1, strings.Repeat("x", int(i)+1), &stored)
		if err != nil {
			t.Fatal(err)
		}
		want := proto.CloneOf(first[i])
		want.Repeated = true
		if diff := cmp.Diff(want, answer, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
	if stored != 3 {
		t.Errorf("%d batches were stored", stored)
	}
}

func TestWhatDoesNotFollowOrDiffersIsRefused(t *testing.T) {
	w := inMemory(t)
	j, stored := w.open("j"), 0
	w.sent(j, 1, "a")
	w.sent(j, 2, "b")
	for _, test := range []struct {
		sequence int64
		content  string
		reason   echelonv1.ErrorReason
		words    string
	}{
		{4, "d", echelonv1.ErrorReason_OUT_OF_SEQUENCE, "sequence 4, and 3 follows"},
		{0, "", echelonv1.ErrorReason_OUT_OF_SEQUENCE, "sequence 0, and 3 follows"},
		{-1, "", echelonv1.ErrorReason_OUT_OF_SEQUENCE, "sequence -1, and 3 follows"},
		{2, "a", echelonv1.ErrorReason_BATCH_MISMATCH, "other customers as its batch 2"},
		{1, "b", echelonv1.ErrorReason_BATCH_MISMATCH, "other customers as its batch 1"},
	} {
		_, err := w.send(j, test.sequence, test.content, &stored)
		checkReason(t, err, test.reason, test.words, `"j"`)
	}
	if stored != 0 || w.open("j").Last() != 2 {
		t.Errorf("%d batches were stored, and the last is %d", stored, w.open("j").Last())
	}
}

func TestAJobIsItsPrincipalsAndKeepsItsOptions(t *testing.T) {
	w := inMemory(t)
	w.sent(w.open("j"), 1, "a")
	_, err := w.ledger.Open(t.Context(), "bob", named("j"))
	checkReason(t, err, echelonv1.ErrorReason_JOB_MISMATCH, "another principal's")
	_, err = w.ledger.Open(t.Context(), "alice", &echelonv1.ImportHeader{JobId: "j", IgnoreUnknownAttributes: true})
	checkReason(t, err, echelonv1.ErrorReason_JOB_MISMATCH, "other options")
	if w.open("jj").Last() != 0 || w.open("j").Last() != 1 {
		t.Error("jobs are not told apart")
	}
}

// Two of one id that nobody has used yet can both be opened; which one stores first decides.
func TestOfTwoThatBeginAJobTheFirstHasIt(t *testing.T) {
	w := inMemory(t)
	alice := w.open("j")
	bob, err := w.ledger.Open(t.Context(), "bob", named("j"))
	if err != nil {
		t.Fatal(err)
	}
	w.sent(alice, 1, "a")
	var stored int
	_, err = w.send(bob, 1, "a", &stored)
	checkReason(t, err, echelonv1.ErrorReason_JOB_MISMATCH)
	if stored != 0 {
		t.Error("another's batch was stored")
	}
}

func TestAJobExpiresAndIsRememberedForAWhile(t *testing.T) {
	w := inMemory(t)
	j := w.open("old")
	w.sent(j, 1, "a")
	w.now = noon.Add(3 * 24 * time.Hour)
	w.sent(j, 2, "b") // which keeps it
	w.sent(w.open("young"), 1, "a")
	w.now = noon.Add(8 * 24 * time.Hour)
	if w.open("old").Last() != 2 {
		t.Error("a job that was used is not kept")
	}
	w.now = noon.Add(3*24*time.Hour + week + time.Second)
	expired := func() {
		t.Helper()
		_, err := w.ledger.Open(t.Context(), "alice", named("old"))
		checkReason(t, err, echelonv1.ErrorReason_JOB_EXPIRED, "number 2, on 2026-02-03", "new id")
		var stored int
		_, err = w.send(j, 3, "c", &stored)
		checkReason(t, err, echelonv1.ErrorReason_JOB_EXPIRED)
	}
	expired() // also before it is swept
	w.sent(w.open("other"), 1, "a")
	for range 2 {
		if _, err := w.ledger.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if documents, batches := w.kept(); documents != 3 || batches != 1 {
			t.Errorf("%d jobs and %d batches are kept", documents, batches)
		}
		expired()
	}
	_, err := w.ledger.Open(t.Context(), "bob", named("old"))
	checkReason(t, err, echelonv1.ErrorReason_JOB_MISMATCH)
	w.now = noon.Add(365 * 24 * time.Hour)
	if _, err := w.ledger.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if documents, batches := w.kept(); documents != 0 || batches != 0 || w.open("old").Last() != 0 {
		t.Errorf("%d jobs and %d batches are kept", documents, batches)
	}
}

func TestASweepOfManyBatchesLeavesTheOtherJobsAlone(t *testing.T) {
	w := inMemory(t)
	ids := []string{"a", "a/", "a/0", "", "ab", strings.Repeat("ü", 64)}
	for _, id := range ids {
		j := w.open(id + "x")
		for i := range int64(700) {
			w.sent(j, i+1, "c")
		}
	}
	long := w.open("long")
	for i := range int64(2500) {
		w.sent(long, i+1, "c")
	}
	w.now = noon.Add(week)
	for _, id := range ids {
		w.sent(w.open(id+"x"), 701, "c")
	}
	w.now = noon.Add(week + time.Minute)
	changed, err := w.ledger.Sweep(t.Context())
	if documents, batches := w.kept(); err != nil || changed != 1 || documents != len(ids)+1 || batches != len(ids)*701 {
		t.Errorf("%d jobs were swept, %d and %d batches are kept, error %v", changed, documents, batches, err)
	}
	for _, id := range ids {
		if answer := w.sent(w.open(id+"x"), 1, "c"); !answer.GetRepeated() {
			t.Errorf("the job %q is forgotten", id+"x")
		}
	}
}

// Whoever sends a job's batches at the same time, each is stored once; in both kinds of store.
func TestConnectionsThatShareAJobStoreEachBatchOnce(t *testing.T) {
	for name, open := range map[string]func() storage.Store{
		"memory": func() storage.Store { return memory.New() },
		"badger": func() storage.Store {
			store, err := badger.Open(t.TempDir(), badger.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := open()
			defer func() { _ = store.Close() }()
			w := newWorld(t, store)
			const batches, connections = 40, 4
			var mu sync.Mutex
			committed := make(map[int64]int)
			var wait sync.WaitGroup
			for range connections {
				wait.Go(func() {
					j := w.open("shared")
					for sequence := int64(1); sequence <= batches; {
						var stored bool
						err := store.Update(t.Context(), func(tx storage.Tx) error {
							stored = false
							_, err := j.Once(tx, sequence, []byte{byte(sequence)}, func() (*echelonv1.ImportedBatch, error) {
								stored = true
								return &echelonv1.ImportedBatch{Sequence: sequence}, nil
							})
							return err
						})
						if errors.Is(err, storage.ErrConflict) {
							continue
						}
						if err != nil {
							t.Error(err)
							return
						}
						if stored {
							mu.Lock()
							committed[sequence]++
							mu.Unlock()
						}
						sequence++
					}
				})
			}
			wait.Wait()
			for sequence := int64(1); sequence <= batches; sequence++ {
				if committed[sequence] != 1 {
					t.Errorf("the batch %d was stored %d times", sequence, committed[sequence])
				}
			}
		})
	}
}

func TestAnswersWithVeryManyErrorsAreKeptInPart(t *testing.T) {
	w := inMemory(t)
	j := w.open("j")
	full := &echelonv1.ImportedBatch{Sequence: 1, Stored: 3}
	for i := range 10_000 {
		full.Errors = append(full.Errors, &echelonv1.RowError{Index: int64(i), CustomerId: fmt.Sprint("c", i), Message: strings.Repeat("m", 50)})
	}
	for repeated := range 2 {
		var answer *echelonv1.ImportedBatch
		err := w.store.Update(t.Context(), func(tx storage.Tx) (err error) {
			answer, err = j.Once(tx, 1, []byte("h"), func() (*echelonv1.ImportedBatch, error) { return full, nil })
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		listed := len(answer.GetErrors())
		if answer.GetStored() != 3 || int64(listed)+answer.GetUnlistedErrors() != 10_000 || answer.GetRepeated() != (repeated == 1) ||
			(listed == 10_000) != (repeated == 0) || proto.Size(answer) > 1<<20 || listed < 500 {
			t.Errorf("answer %d has %d stored, %d errors and %d unlisted", repeated, answer.GetStored(), listed, answer.GetUnlistedErrors())
		}
	}
}

func TestADamagedJobIsAnErrorAndNothingIsStored(t *testing.T) {
	w := inMemory(t)
	w.sent(w.open("j"), 1, "a")
	err := w.store.Update(t.Context(), func(tx storage.Tx) error { return tx.DeleteDocument(storage.KindJobBatch, "001/j/0000000000000000001") })
	if err != nil {
		t.Fatal(err)
	}
	var stored int
	if _, err := w.send(w.open("j"), 1, "a", &stored); !errors.Is(err, storage.ErrNotFound) || stored != 0 {
		t.Errorf("%d batches were stored, error %v", stored, err)
	}
}

// What stands in the store as a job may be damaged: it is refused or read, and never a panic or a batch that is stored twice.
func FuzzAJobOnDisk(f *testing.F) {
	good := &storagev1.Job{Principal: "alice", Header: &echelonv1.ImportHeader{}, LastSequence: 2, UseTime: timestamppb.New(noon)}
	data, err := proto.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, int64(3))
	f.Add([]byte{}, int64(1))
	f.Add([]byte{0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, int64(-9))
	f.Fuzz(func(t *testing.T, data []byte, sequence int64) {
		kept := &storagev1.Job{}
		if proto.Unmarshal(data, kept) != nil {
			return
		}
		w := inMemory(t)
		err := w.store.Update(t.Context(), func(tx storage.Tx) error { return tx.PutDocument(storage.KindJob, "j", kept) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ledger.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		j, err := w.ledger.Open(t.Context(), "alice", named("j"))
		if err != nil {
			return
		}
		var stored int
		if _, err := w.send(j, sequence, "a", &stored); err == nil && (stored != 1 || sequence != j.Last()+1) {
			t.Fatalf("the batch %d was stored %d times after %d", sequence, stored, j.Last())
		}
	})
}
