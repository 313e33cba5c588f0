package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/memory"
)

// guideAccount is a customer of the examples of a whole service.
type guideAccount struct {
	ID       string   `echelon:",id"`
	ARR      *float64 `echelon:"arr"` // nil where nobody knows it
	Seats    int      `echelon:"seats"`
	Industry string   `echelon:"industry,omitzero"`
}

// guideModel is the model of the examples: customers with a revenue of 50,000 and more are served by people of their own.
func guideModel() *echelonv1.Model {
	attributes, err := client.AttributesOf[guideAccount]()
	if err != nil {
		panic(err)
	}
	line := 50.0
	linear := &echelonv1.Normalize{Kind: &echelonv1.Normalize_Linear_{Linear: &echelonv1.Normalize_Linear{Min: 0, Max: 100_000}}}
	ladder := &echelonv1.Tiering_Linear{Score: "value", Tiers: []*echelonv1.Tier{
		{Name: "high-touch", Cut: &echelonv1.Cut{MinScore: &line}}, {Name: "tech-touch"},
	}}
	return &echelonv1.Model{
		Name: "accounts", Attributes: attributes,
		Scores:   []*echelonv1.Score{{Name: "value", Criteria: []*echelonv1.Criterion{{Name: "revenue", Expr: "arr", Weight: 1, Normalize: linear}}}},
		Tierings: []*echelonv1.Tiering{{Name: "coverage", Kind: &echelonv1.Tiering_Linear_{Linear: ladder}}},
	}
}

func usd(x float64) *float64 { return &x }

// exampleTB lets an example use what is made for tests.
type exampleTB struct{ testing.TB }

func (exampleTB) Helper()           {}
func (exampleTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// guideSite serves a store in memory by TLS to who has the token; the server trusts the authority in the file. The model accounts is active, three
// customers are stored, and a run of them is published.
func guideSite() (address, authority, token string, stop func()) {
	folder, err := os.MkdirTemp("", "echelon-example-")
	check(err)
	signer := identitytest.NewAuthority(exampleTB{})
	authority = identitytest.Write(exampleTB{}, folder, "ca.pem", signer.PEM)
	certificate, key := signer.Write(folder, "server", identitytest.Leaf{CN: "server"})
	log := slog.New(slog.DiscardHandler)
	secured, err := identity.ServerTLS(identity.TLSFiles{Certificate: certificate, Key: key}, log)
	check(err)
	token = identity.NewToken()
	hash, err := identity.HashToken(token)
	check(err)
	principals := filepath.Join(folder, "principals.yaml")
	check(os.WriteFile(principals, fmt.Appendf(nil, "tokens:\n  - {principal: example, roles: [admin], sha256: %s}\n", hash), 0o600))
	authenticator, err := identity.NewAuthenticator(context.Background(), identity.Config{File: principals, Now: time.Now, Log: log})
	check(err)
	store := memory.New()
	s, err := server.New(context.Background(), store, server.Config{TLS: secured, Authenticator: authenticator, Log: log, DrainTimeout: time.Second})
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	return listener.Addr().String(), authority, token, func() {
		s.Stop()
		check(<-served)
		check(store.Close())
		check(os.RemoveAll(folder))
	}
}

// guide returns a client of a site whose model accounts is active, with three customers of whom a run is published.
func guide() (c *client.Client, stop func()) {
	address, authority, token, stopSite := guideSite()
	trusted, err := client.TLSFiles(authority, "", "")
	check(err)
	c, err = client.Dial(address, client.WithTLS(trusted), client.WithBearerToken(token))
	check(err)
	ctx := context.Background()
	_, err = c.CreateModel(ctx, guideModel())
	check(err)
	_, err = c.ActivateModel(ctx, "accounts", 0)
	check(err)
	for _, account := range []guideAccount{{ID: "acme", ARR: usd(125_000)}, {ID: "globex", ARR: usd(8_000)}, {ID: "initech"}} {
		customer, err := client.CustomerOf(account)
		check(err)
		_, err = c.UpsertCustomer(ctx, customer)
		check(err)
	}
	run, err := c.StartRun(ctx, &echelonv1.StartRunRequest{Model: "accounts"})
	check(err)
	_, err = c.WaitRun(ctx, run.GetId(), nil)
	check(err)
	_, err = c.PublishRun(ctx, run.GetId())
	check(err)
	return c, func() {
		check(c.Close())
		stopSite()
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
