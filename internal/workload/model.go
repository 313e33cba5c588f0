package workload

import _ "embed"

// ModelYAML is W's model as a model file. Its segments, tiers and personas bear the numbers that Fused gives them, as names; segment "0" is
// `otherwise`, and persona 0 is none.
//
//go:embed model.yaml
var ModelYAML []byte
