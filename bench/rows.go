package main

import (
	"errors"
	"runtime"

	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// rowsFigures measures batches of rows through the whole server against the decoding of the same messages by package proto, on one core.
func rowsFigures(b *bench) (_ []figure, err error) {
	m, err := b.model()
	if err != nil {
		return nil, err
	}
	rows := b.choose(40_000, 200_000)
	batches, err := rowBatches(b.customers(), rows)
	if err != nil {
		return nil, err
	}
	p, err := b.serve(b.folder+"/rows", "--memory")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	assign, err := newBulk(p, m.assignHeader(), batches, fused(b.customers(), rows), readRows)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, assign.conn.Close()) }()
	server := contestant{name: "rows through the server", rows: rows, run: assign.run}
	decode := unmarshalling(assign.batches[:len(assign.batches)/2], rows/2) // it is slow, and half tells as much
	s, err := race(b.choose(3, 7), server, decode)
	if err != nil {
		return nil, err
	}
	s.print(server, decode)
	return []figure{{"bulk_rows_vs_unmarshal", s.ratio(server.name, decode.name), ">=", 1.5}}, nil
}

// unmarshalling decodes messages on one core.
func unmarshalling(batches []message, rows int) contestant {
	joined := make([][]byte, len(batches))
	for i, m := range batches {
		joined[i] = m.joined()
	}
	cores := runtime.GOMAXPROCS(0)
	return contestant{name: "proto.Unmarshal alone, 1 core", rows: rows,
		before: func() error { runtime.GOMAXPROCS(1); return nil }, after: func() error { runtime.GOMAXPROCS(cores); return nil },
		run: func() error {
			for _, data := range joined {
				if err := proto.Unmarshal(data, &echelonv1.BulkAssignRequest{}); err != nil {
					return err
				}
			}
			return nil
		}}
}
