package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/backup"
)

// incrementals is how many incremental backups follow the full one.
const incrementals = 10

// command runs the program and returns what it printed and its exit code.
func command(ctx context.Context, t testing.TB, arguments ...string) (string, int) {
	t.Helper()
	out, err := exec.CommandContext(ctx, binary, arguments...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}

// does runs the program and fails the test unless it went well.
func does(ctx context.Context, t testing.TB, arguments ...string) string {
	t.Helper()
	out, code := command(ctx, t, arguments...)
	if code != 0 {
		t.Fatalf("%s ended with %d:\n%s", strings.Join(arguments, " "), code, out)
	}
	return out
}

// commitOf returns the commit that a backup is of.
func commitOf(t testing.TB, path string) uint64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := backup.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Header.GetCommit()
}

var contentLine = regexp.MustCompile(`(?m)^content ([0-9a-f]{64})$`)

func content(t testing.TB, out string) string {
	t.Helper()
	found := contentLine.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no hash of the content stands in\n%s", out)
	}
	return found[1]
}

// examination is what the doctor says of a folder.
type examination struct {
	Commit  uint64 `json:"commit"`
	Content string `json:"content_sha256"`
}

func examined(ctx context.Context, t testing.TB, folder string) examination {
	t.Helper()
	var found examination
	if err := json.Unmarshal([]byte(does(ctx, t, "doctor", "--json", "--data", folder)), &found); err != nil || found.Content == "" {
		t.Fatalf("the doctor says %+v of %s: %v", found, folder, err)
	}
	return found
}

// churn writes and deletes customers, and publishes runs, until the connection ends or ctx is over.
func churn(ctx context.Context, c *client.Client, random *rand.Rand) {
	one := func(i int) *echelonv1.Customer {
		fields := map[string]*structpb.Value{"arr": structpb.NewNumberValue(random.Float64())}
		return &echelonv1.Customer{Id: fmt.Sprintf("c%04d", i), Attributes: &structpb.Struct{Fields: fields}}
	}
	for ctx.Err() == nil {
		var err error
		start := random.IntN(2000)
		for _, err = range c.ImportCustomers(ctx, &echelonv1.ImportHeader{}, each(200, func(i int) *echelonv1.Customer { return one(start + i) })) {
			if err != nil {
				return
			}
		}
		for range 20 {
			if err = c.DeleteCustomer(ctx, fmt.Sprintf("c%04d", random.IntN(2200))); err != nil && !client.IsNotFound(err) {
				return
			}
		}
		run, err := c.StartRun(ctx, &echelonv1.StartRunRequest{Model: "crash"})
		if err == nil {
			if run, err = c.WaitRun(ctx, run.GetId(), nil); err == nil {
				_, err = c.PublishRun(ctx, run.GetId())
			}
		}
		if err != nil {
			return
		}
	}
}

// A server takes a full backup and ten incremental ones, is killed during writes and during backups, and what is restored equals what it has.
func TestBackupsOfKilledServersAreRestoredToTheSameContent(t *testing.T) {
	ctx := soon(t, 30*time.Minute)
	dir := t.TempDir()
	folder := filepath.Join(dir, "data")
	start := func() *process {
		return serve(t, "--data", folder, "--keep-runs", "3", "--keep-days", "0")
	}
	server := start()
	model, _, found := modelfile.Parse("crash.yaml", []byte(killModel))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	c := server.dial(client.WithResume(0)) // what a killed server leaves unfinished stays so
	if _, err := c.CreateModel(ctx, model); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ActivateModel(ctx, "crash", 0); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), 2))
	var files []string
	take := func(name string) (string, int) {
		arguments := []string{"backup", "--address", server.address, "--output", name}
		if len(files) > 0 {
			arguments = append(arguments, "--since", files[len(files)-1])
		}
		return command(ctx, t, arguments...)
	}
	next := func() string { return filepath.Join(dir, fmt.Sprintf("backup-%02d", len(files))) }
	for killed := 0; killed < kills(t) || len(files) <= incrementals; {
		var wait sync.WaitGroup
		busy, rest := context.WithCancel(ctx)
		seed := random.Uint64()
		wait.Go(func() { churn(busy, c, rand.New(rand.NewPCG(seed, 3))) })
		time.Sleep(time.Duration(50+random.IntN(200)) * time.Millisecond)
		if len(files) <= incrementals {
			if out, code := take(next()); code != 0 {
				t.Fatalf("a backup ended with %d:\n%s", code, out)
			}
			files = append(files, next())
		}
		if random.IntN(2) == 0 && killed < kills(t) { // during a backup that comes to nothing, or just comes to its end
			wait.Go(func() { _, _ = take(filepath.Join(dir, "killed")) })
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			server.kill()
			killed++
		} else {
			rest()
		}
		rest()
		wait.Wait()
		if _, err := c.GetSchema(ctx); err != nil {
			server = start()
			c = server.dial(client.WithResume(0))
		}
	}
	// What the server does by itself, such as a run that was started, may go on for a while: contents are compared where the last backup of the
	// chain, a full one and the folder that the server left are of one commit.
	whole := filepath.Join(dir, "whole")
	want, commit := "", uint64(0)
	for {
		last := next()
		out, code := take(last)
		if code != 0 {
			t.Fatalf("the last backup ended with %d:\n%s", code, out)
		}
		files, commit = append(files, last), commitOf(t, last)
		out = does(ctx, t, "backup", "--address", server.address, "--output", whole)
		server.stop()
		left := examined(ctx, t, folder)
		if left.Commit == commit && commitOf(t, whole) == commit {
			want = content(t, out)
			if left.Content != want {
				t.Errorf("the folder that the server left at commit %d has %s, and its backup of that commit %s", commit, left.Content, want)
			}
			break
		}
		t.Logf("the last backup is of commit %d, the full one of %d, and the server left %d: once more", commit, commitOf(t, whole), left.Commit)
		server = start()
	}
	restored := filepath.Join(dir, "restored")
	if got := content(t, does(ctx, t, append([]string{"restore", "--data", restored}, files...)...)); got != want {
		t.Errorf("the chain is restored to %s, and the server has %s at commit %d", got, want, commit)
	}
	if got := examined(ctx, t, restored); got.Content != want {
		t.Errorf("the doctor finds %s, and the server has %s", got.Content, want)
	}
	t.Logf("%d incremental backups, restored to content %s of commit %d", len(files)-1, want, commit)
	servesTheSame(ctx, t, folder, restored)
	refusesDamage(ctx, t, dir, files)
}

// servesTheSame compares the customers and the published assignments of two folders.
func servesTheSame(ctx context.Context, t *testing.T, folders ...string) {
	t.Helper()
	var seen []string
	for _, folder := range folders {
		server := serve(t, "--data", folder)
		c := server.dial()
		var text strings.Builder
		for customer, err := range c.ExportCustomers(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&text, customer.GetId(), customer.GetAttributes().GetFields()["arr"].GetNumberValue(), customer.GetUpdateTime().AsTime())
		}
		for a, err := range c.ExportAssignments(ctx, "crash", "") {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&text, a.GetCustomerId(), a.GetTiers()[0].GetTier(), a.GetStale(), a.GetProvenance().GetRunId())
		}
		seen = append(seen, text.String())
		server.stop()
	}
	if seen[0] != seen[1] || len(seen[0]) < 1000 {
		t.Errorf("what is restored is served otherwise: %d and %d bytes", len(seen[0]), len(seen[1]))
	}
}

// refusesDamage alters and truncates files of a chain.
func refusesDamage(ctx context.Context, t *testing.T, dir string, files []string) {
	t.Helper()
	data, err := os.ReadFile(files[3])
	if err != nil {
		t.Fatal(err)
	}
	altered := append([]byte(nil), data...)
	altered[len(altered)/2] ^= 1
	into := filepath.Join(dir, "refused")
	for name, bad := range map[string][]byte{"altered": altered, "truncated": data[:len(data)-1], "cut": data[:len(data)/3], "empty": nil} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		chain := append(append([]string{"restore", "--data", into}, files[:3]...), path)
		out, code := command(ctx, t, append(chain, files[4:]...)...)
		if code != 5 || !strings.Contains(out, path) || !strings.Contains(out, "damaged") {
			t.Errorf("%s ended with %d:\n%s", name, code, out)
		}
		if _, err := os.Stat(into); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was written", name)
		}
	}
	if out, code := command(ctx, t, "restore", "--data", into, files[0], files[2]); code != 5 || !strings.Contains(out, "does not fit") {
		t.Errorf("a chain with a gap ended with %d:\n%s", code, out)
	}
}

// A restore that is killed is no store.
func TestBackupsWhoseRestoreIsKilledAreNoStore(t *testing.T) {
	ctx := soon(t, 5*time.Minute)
	dir := t.TempDir()
	server := serve(t, "--memory")
	c := server.dial()
	model, _, _ := modelfile.Parse("crash.yaml", []byte(killModel))
	if _, err := c.CreateModel(ctx, model); err != nil {
		t.Fatal(err)
	}
	filler := strings.Repeat("x", 400)
	for _, err := range c.ImportCustomers(ctx, &echelonv1.ImportHeader{}, each(60_000, func(i int) *echelonv1.Customer {
		return &echelonv1.Customer{Id: fmt.Sprintf("c%06d-%s", i, filler)}
	})) {
		if err != nil {
			t.Fatal(err)
		}
	}
	file, into := filepath.Join(dir, "full"), filepath.Join(dir, "into")
	does(ctx, t, "backup", "--address", server.address, "--output", file)
	restore := exec.CommandContext(ctx, binary, "restore", "--data", into, file)
	if err := restore.Start(); err != nil {
		t.Fatal(err)
	}
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) { // until it has begun to write
		if found, _ := filepath.Glob(filepath.Join(into, "*.mem")); len(found) > 0 {
			break
		}
	}
	if err := restore.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := restore.Wait(); err == nil {
		t.Fatal("the restore ended before it was killed: give it more customers")
	}
	for _, arguments := range [][]string{{"doctor", "--data", into}, {"restore", "--data", into, file}, {"serve", "--listen", "127.0.0.1:0", "--data", into}} {
		if out, code := command(ctx, t, arguments...); code == 0 || !strings.Contains(out, "interrupted") {
			t.Errorf("%s ended with %d:\n%s", arguments[0], code, out)
		}
	}
	if err := os.RemoveAll(into); err != nil {
		t.Fatal(err)
	}
	does(ctx, t, "restore", "--data", into, file)
	does(ctx, t, "doctor", "--data", into)
}
