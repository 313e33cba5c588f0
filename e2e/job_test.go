package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/e2e/cutproxy"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Score through connections that break writes what score writes without a server: it begins its calibration again, and resumes what follows.
func TestScoreGoesOnThroughConnectionsThatBreak(t *testing.T) {
	server := serve(t, "--memory")
	folder := t.TempDir()
	modelFile, file := filepath.Join(folder, "model.yaml"), filepath.Join(folder, "customers.csv")
	text := []byte("id,arr\n")
	for i := range 20_000 {
		text = fmt.Appendf(text, "c%05d,%d\n", i, i*7919%100_000)
	}
	if err := errors.Join(os.WriteFile(modelFile, []byte(killModel), 0o600), os.WriteFile(file, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	made := int64(0)
	proxy, err := cutproxy.New(func() cutproxy.Fault {
		switch made++; {
		case made <= 2: // in the calibration
			return cutproxy.Fault{Kind: cutproxy.Cut, After: 200_000 * made}
		case made == 3: // after it
			return cutproxy.Fault{Kind: cutproxy.Cut, After: 1_500_000}
		case made <= 8:
			return cutproxy.Fault{Kind: cutproxy.Cut, After: 300_000}
		}
		return cutproxy.Fault{}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()
	proxy.To(server.address)
	score := func(output string, more ...string) []byte {
		command := exec.Command(binary, append([]string{"score", "--model", modelFile, "--input", file, "--id-column", "id", "--as-of", "2026-01-31", "--output", output}, more...)...)
		if told, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, told)
		}
		written, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	here, there := score(filepath.Join(folder, "here.csv")), score(filepath.Join(folder, "there.csv"), "--address", proxy.Address())
	if !bytes.Equal(here, there) {
		t.Error("what was scored through connections that broke is not what is scored here")
	}
	if n := proxy.Faults(); n < 5 {
		t.Errorf("%d connections broke: the test has shown too little", n)
	}
}

// An import command that is killed goes on when it is run again under its job id: what it stored is not stored again.
func TestAKilledImportGoesOnUnderItsJobID(t *testing.T) {
	ctx := soon(t, 5*time.Minute)
	server := serve(t, "--memory")
	c := server.dial()
	folder := t.TempDir()
	modelFile, file := filepath.Join(folder, "model.yaml"), filepath.Join(folder, "customers.csv")
	rows := func(from, to int) string {
		var text strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&text, "c%05d,%d\n", i, i)
		}
		return text.String()
	}
	const all = 9000
	whole := "id,arr\n" + rows(0, all)
	if err := os.WriteFile(modelFile, []byte(killModel), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(binary, "model", "create", modelFile, "--address", server.address).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	arguments := []string{"import", "--json", "--model", modelFile, "--id-column", "id", "--job-id", "nightly", "--address", server.address, "--input"}

	// The command gets a part of its input, and is killed when some of that is stored.
	first := exec.Command(binary, append(arguments, "-")...)
	input, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := input.Write([]byte("id,arr\n" + rows(0, all/2))); err != nil {
		t.Fatal(err)
	}
	stored := func() (n int) {
		for _, err := range c.ExportCustomers(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	for stored() == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()

	output, err := exec.Command(binary, append(arguments, file)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Rows, Stored int
		Repeated     int `json:"repeated_rows"`
	}
	if err := json.Unmarshal(output, &told); err != nil {
		t.Fatal(err)
	}
	if told.Rows != all || told.Stored != all || told.Repeated < 1000 || told.Repeated >= all || stored() != all {
		t.Errorf("the second command told %s, and %d customers are stored", output, stored())
	}
	written := func() (n int) {
		for entry, err := range c.Audit(ctx, &echelonv1.ListAuditRequest{Subject: "customers"}) {
			if err != nil {
				t.Fatal(err)
			}
			n += int(entry.GetCustomers())
		}
		return n
	}
	for written() < all { // the entry of the first command comes when the server finds out that it is gone
		time.Sleep(5 * time.Millisecond)
	}
	if n := written(); n != all {
		t.Errorf("the audit log counts %d customers that were stored, want %d", n, all)
	}

	// A file that has changed since is told, and nothing of it is stored.
	if err := os.WriteFile(file, []byte(strings.Replace(whole, "c00007,7", "c00007,8", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(binary, append(arguments, file)...).CombinedOutput()
	if err == nil || !strings.Contains(string(text), "other customers as its batch 1") {
		t.Errorf("a changed file is answered %v: %s", err, text)
	}
}
