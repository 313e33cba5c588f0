package kvstore

import (
	"bytes"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/storage"
)

// documents reads documents in a transaction.
type documents struct {
	txn Txn
}

// Document implements storage.Documents.
func (d documents) Document(kind storage.Kind, key string, into proto.Message) error {
	item, found, err := d.txn.Get(documentKey(kind, key))
	if err != nil {
		return err
	}
	if !found {
		return storage.ErrNotFound
	}
	document, err := openDocument(kind, key, item)
	if err != nil {
		return err
	}
	return document.Decode(into)
}

// Documents implements storage.Documents.
func (d documents) Documents(kind storage.Kind, scan storage.DocumentScan) iter.Seq2[storage.Document, error] {
	r := Range{Prefix: documentKey(kind, scan.Prefix), Descending: scan.Descending}
	if scan.After != "" {
		r.From = documentKey(kind, scan.After)
		if !scan.Descending {
			r.From = After(r.From)
		}
	}
	return func(yield func(storage.Document, error) bool) {
		for item, err := range d.txn.Scan(r) {
			if err != nil {
				yield(storage.Document{}, err)
				return
			}
			document, err := openDocument(kind, string(item.Key[2:]), item)
			if err == nil {
				document.Data = bytes.Clone(document.Data)
			}
			if !yield(document, err) || err != nil {
				return
			}
		}
	}
}

// openDocument returns the document that an item holds; its data is part of the item.
func openDocument(kind storage.Kind, key string, item Item) (storage.Document, error) {
	data, err := unseal(item)
	if err != nil {
		return storage.Document{}, &storage.CorruptError{What: fmt.Sprintf("%s %q", kind, key), Err: err}
	}
	return storage.Document{Kind: kind, Key: key, Version: storage.Commit(item.Version), Data: data}, nil
}
