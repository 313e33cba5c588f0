package storage

import (
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"
)

// Kind is a kind of documents. Its number is part of the keys on disk: a number is never changed and never used again.
type Kind uint8

// The kinds of documents, with the message that each of them is and its key.
const (
	// KindSchema is the echelon.storage.v1.Schema; its key is empty.
	KindSchema Kind = 1
	// KindModelVersion is echelon.v1.ModelVersion; its key is VersionKey.
	KindModelVersion Kind = 2
	// KindModelHead is echelon.storage.v1.ModelHead; its key is the model's name.
	KindModelHead Kind = 3
	// KindCalibration is echelon.v1.Calibration; its key is its id.
	KindCalibration Kind = 4
	// KindRun is echelon.v1.Run; its key is its id.
	KindRun Kind = 5
	// KindCurrent is echelon.storage.v1.Current; its key is the model's name.
	KindCurrent Kind = 6
	// KindAudit is echelon.v1.AuditEntry; internal/audit gives its keys.
	KindAudit Kind = 7
	// KindOverlay is echelon.storage.v1.Overlay, of an overlay that was replaced; its key is the overlay's name.
	KindOverlay Kind = 12
	// KindJob is echelon.storage.v1.Job; its key is the job's id.
	KindJob Kind = 10
	// KindJobBatch is echelon.storage.v1.JobBatch; internal/jobs gives its keys.
	KindJobBatch Kind = 11
	// KindOverride is echelon.storage.v1.Overrides; its key is OverrideKey.
	KindOverride Kind = 22
	// KindChangeBatch is echelon.storage.v1.ChangeBatch; its key is the batch's id.
	KindChangeBatch Kind = 23
	// KindChangePlace is echelon.storage.v1.ChangePlace; internal/feed gives its keys.
	KindChangePlace Kind = 24
	// KindCustomerChange is echelon.storage.v1.ChangePlace; internal/feed gives its keys.
	KindCustomerChange Kind = 25
	// KindReview is echelon.storage.v1.Reviews; its key is ReviewKey.
	KindReview Kind = 27
	// KindRunStart is echelon.storage.v1.RunStart; internal/runs gives its keys.
	KindRunStart Kind = 28
)

// String returns what people call a document of the kind.
func (k Kind) String() string {
	switch k {
	case KindSchema:
		return "schema"
	case KindModelVersion:
		return "model version"
	case KindModelHead:
		return "model head"
	case KindCalibration:
		return "calibration"
	case KindRun:
		return "run"
	case KindCurrent:
		return "publication"
	case KindAudit:
		return "audit entry"
	case KindOverlay:
		return "overlay"
	case KindJob:
		return "job"
	case KindJobBatch:
		return "batch of a job"
	case KindOverride:
		return "override"
	case KindChangeBatch:
		return "batch of changes"
	case KindChangePlace:
		return "place of changes"
	case KindCustomerChange:
		return "customer's change"
	case KindReview:
		return "review"
	case KindRunStart:
		return "start of a run"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// VersionKey is the key of a model's version, from 1. The keys of one model ascend by version; they begin with VersionPrefix.
func VersionKey(model string, version int64) string {
	return fmt.Sprintf("%s%019d", VersionPrefix(model), version)
}

// VersionPrefix is what the keys of all versions of a model begin with.
func VersionPrefix(model string) string { return model + "/" }

// Documents reads documents.
type Documents interface {
	// Document reads the document of that kind and key into a message of the kind's type. ErrNotFound if there is none.
	Document(kind Kind, key string, into proto.Message) error

	// Documents goes through the documents of a kind in the order of their keys' bytes. Within an Update it must be over before the Tx writes, and
	// what it returned counts as read, but not what it did not find.
	Documents(kind Kind, scan DocumentScan) iter.Seq2[Document, error]
}

// DocumentScan narrows a scan of documents.
type DocumentScan struct {
	// Prefix is what the keys begin with.
	Prefix string
	// After is the key after which the scan begins, in the scan's direction; "" begins with the first.
	After string
	// Descending scans from the last key to the first.
	Descending bool
}

// Document is one document of a scan.
type Document struct {
	// Kind is its kind.
	Kind Kind
	// Key is its key.
	Key string
	// Version is the commit at which it was written; without meaning for what the Tx that reads it wrote itself.
	Version Commit
	// Data is its message in wire format.
	Data []byte
}

// Decode reads the document into a message of the kind's type.
func (d Document) Decode(into proto.Message) error {
	if err := proto.Unmarshal(d.Data, into); err != nil {
		return &CorruptError{What: fmt.Sprintf("%s %q", d.Kind, d.Key), Err: err}
	}
	return nil
}
