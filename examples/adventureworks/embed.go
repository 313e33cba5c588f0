// Package adventureworks is the example that `echelon demo` shows: 701 real resellers of a bicycle maker, and a model for them.
package adventureworks

import _ "embed"

var (
	// Accounts is accounts.csv: one reseller a row, its id in the column account_id. SOURCE.txt says where it comes from.
	//
	//go:embed accounts.csv
	Accounts []byte
	// Model is model.yaml.
	//
	//go:embed model.yaml
	Model []byte
)
