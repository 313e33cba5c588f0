package storage

import "strings"

// OverrideKey is the key of a customer's overrides in a model. The keys of one model ascend by the bytes of ids; the first, of the empty id, says that
// the model has, or had, overrides.
func OverrideKey(model, id string) string { return model + "/" + id }

// ReviewKey is the key of what was accepted of a customer in a model. The keys of one model ascend by the bytes of ids.
func ReviewKey(model, id string) string { return model + "/" + id }

// OverrideOf returns the model and the customer of a key.
func OverrideOf(key string) (model, id string) {
	model, id, _ = strings.Cut(key, "/")
	return model, id
}

// ChangesOf is the name of the snapshot whose blocks are the changes of a batch.
func ChangesOf(batch string) string { return batch + changesSuffix }

const changesSuffix = ".changes"

// BatchOf returns the batch of changes whose blocks a snapshot of that name is, and whether it is that rather than a run's.
func BatchOf(snapshot string) (batch string, changes bool) {
	return strings.CutSuffix(snapshot, changesSuffix)
}
