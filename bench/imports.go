package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	badgerdb "github.com/dgraph-io/badger/v4"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/badger"
)

// importing is the import of customers into a new store, over gRPC, each batch durable before it is answered.
type importing struct {
	bench   *bench
	model   *echelonv1.Model
	header  message
	batches []message
	rows    int

	folder string
	server *process
	conn   *grpc.ClientConn
}

func importFigures(b *bench) ([]figure, error) {
	m, err := b.model()
	if err != nil {
		return nil, err
	}
	i := &importing{bench: b, model: m.model, rows: b.choose(200_000, million), folder: filepath.Join(b.folder, "import")}
	encoded, err := arrowBatches(m.frame.Slice(0, i.rows))
	if err != nil {
		return nil, err
	}
	for k, rest := range encoded {
		i.batches = append(i.batches, batchOf(k+1, rest))
	}
	if i.header, err = marshal(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{}}}); err != nil {
		return nil, err
	}
	kept, err := i.keep()
	if err != nil {
		return nil, err
	}
	server := contestant{name: "import through the server", rows: i.rows, before: i.before, run: i.run, after: i.after}
	alone := kept.contestant(i.rows)
	s, err := race(b.choose(2, 5), server, alone)
	if err != nil {
		return nil, err
	}
	s.print(server, alone)
	return []figure{{"import_vs_badger", s.ratio(server.name, alone.name), ">=", 0.7}}, nil
}

// before starts a server over a new folder, which knows the attributes.
func (i *importing) before() (err error) {
	if i.server, err = i.bench.serve(i.folder); err != nil {
		return err
	}
	caller, err := client.Dial(i.server.address)
	if err != nil {
		return err
	}
	defer caller.Close()
	ctx, cancel := within()
	defer cancel()
	if _, err := caller.CreateModel(ctx, i.model); err != nil {
		return err
	}
	i.conn, err = i.server.dial()
	return err
}

func (i *importing) run() error {
	stored := int64(0)
	e := exchange{conn: i.conn, method: echelonv1.CustomerService_ImportCustomers_FullMethodName, header: i.header, count: len(i.batches),
		batch: func(k int) message { return i.batches[k] }, keep: true, answered: func(_ int, a *answer) error {
			var response echelonv1.ImportCustomersResponse
			err := proto.Unmarshal(a.data, &response)
			stored += response.GetBatch().GetStored()
			return err
		}}
	if _, err := e.run(); err != nil {
		return err
	}
	if stored != int64(i.rows) {
		return fmt.Errorf("%d of %d customers were stored", stored, i.rows)
	}
	return nil
}

func (i *importing) stop() error { return errors.Join(i.conn.Close(), i.server.stop()) }

func (i *importing) after() error { return errors.Join(i.stop(), os.RemoveAll(i.folder)) }

// keep imports once and returns what the store wrote.
func (i *importing) keep() (_ *pairs, err error) {
	if err := i.before(); err != nil {
		return nil, err
	}
	if err := errors.Join(i.run(), i.stop()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(i.folder)) }()
	db, err := badgerdb.Open(databaseOptions(i.folder))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	kept := &pairs{folder: filepath.Join(i.bench.folder, "badger")}
	return kept, db.View(func(txn *badgerdb.Txn) error {
		it := txn.NewIterator(badgerdb.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			value, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			kept.keys, kept.values = append(kept.keys, it.Item().KeyCopy(nil)), append(kept.values, value)
		}
		return nil
	})
}

// databaseOptions are those with which the store opens its database.
func databaseOptions(folder string) badgerdb.Options {
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return badger.DatabaseOptions(folder, badger.Options{Logger: quiet})
}

// pairs are keys and values, which Badger writes alone.
type pairs struct {
	folder       string
	db           *badgerdb.DB
	keys, values [][]byte
}

// rowsOfTransaction is how many pairs one transaction of Badger alone has.
const rowsOfTransaction = 1000

func (p *pairs) contestant(rows int) contestant {
	return contestant{name: "Badger alone, 1000 rows a transaction", rows: rows,
		before: func() (err error) {
			if err := os.MkdirAll(p.folder, 0o700); err != nil {
				return err
			}
			p.db, err = badgerdb.Open(databaseOptions(p.folder))
			return err
		},
		run:   p.write,
		after: func() error { return errors.Join(p.db.Close(), os.RemoveAll(p.folder)) },
	}
}

func (p *pairs) write() error {
	for from := 0; from < len(p.keys); from += rowsOfTransaction {
		end := min(len(p.keys), from+rowsOfTransaction)
		txn := p.db.NewTransaction(true)
		for i := from; i < end; i++ {
			if err := txn.Set(p.keys[i], p.values[i]); err != nil {
				txn.Discard()
				return err
			}
		}
		if err := txn.Commit(); err != nil {
			return err
		}
	}
	return nil
}
