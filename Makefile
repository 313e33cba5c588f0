# Everything that a developer and CI run; `make` alone prints the list.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables

# How long `make fuzz` runs each target.
FUZZTIME ?= 20s
# How many rows `make differential` compares.
ROWS ?= 10000000
# Whether `make bench` is short; anything is yes.
QUICK ?=
# Which figure or part `make bench` measures alone; empty is all.
ONLY ?=
# How many histories of concurrent clients `make linearizability` makes, and from which seed on; without one the clock gives it.
HISTORIES ?= 1000
SEED ?=
# How often `make crash` kills the server.
KILLS ?= 50
# How many connections `make cuts` breaks.
CUTS ?= 1000
# How long `make overload` loads the server.
OVERLOAD ?= 60s
# What `make check-breaking` compares with; empty is where this branch left origin/main, or else the commit before.
BREAKING_BASE ?=

# buf, its plugins, staticcheck and grpcurl, all pinned in tools/go.mod.
TOOLS_DIR := $(CURDIR)/bin/tools
TOOLS := bin/tools/.installed
# What the protos import, printed from Go modules, so that buf needs no registry.
PROTODEPS := third_party/proto/.printed
export PATH := $(TOOLS_DIR):$(PATH)

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Show the main job end to end, on a server of its own
	bin/echelon demo

.PHONY: build
build: ## Build bin/echelon
	go build -trimpath -o bin/echelon ./cmd/echelon

.PHONY: test
test: ## Run all tests under the race detector
	go test -race -timeout 20m ./...
	cd checks && go test -race -timeout 20m ./...

.PHONY: lint
lint: $(TOOLS) $(PROTODEPS) ## Check format, vet, staticcheck and the protos' style
	@unformatted=$$(gofmt -l .); if [[ -n $$unformatted ]]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	staticcheck ./...
	cd tools && go vet ./... && staticcheck ./...
	cd bench && go vet ./...
	cd checks && go vet ./... && staticcheck ./...
	buf lint

.PHONY: generate
generate: $(TOOLS) $(PROTODEPS) ## Generate the protos' Go again
	tools/generate.sh

.PHONY: reference
reference: ## Write the tables of docs/configuration.md and docs/metrics.md again
	go test ./cmd/echelon -run Reference -update

.PHONY: check-generated
check-generated: $(TOOLS) $(PROTODEPS) ## Fail if the generated Go is not what `make generate` makes
	tools/generate.sh --check

.PHONY: check-breaking
check-breaking: $(TOOLS) $(PROTODEPS) ## Fail if the protos break the wire or JSON form of BREAKING_BASE
	tools/breaking.sh $(BREAKING_BASE)

.PHONY: protodeps
protodeps: $(PROTODEPS) ## Print the protos that ours import into third_party/proto, for editors

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	tools/fuzz.sh $(FUZZTIME)

.PHONY: linearizability
linearizability: ## Let clients call at the same time, in HISTORIES histories, and look whether each can be put in one order
	cd checks && ECHELON_HISTORIES=$(HISTORIES) ECHELON_SEED=$(SEED) go test -run OneHistory -count=1 -timeout 60m -v ./...

.PHONY: crash
crash: ## Kill the server KILLS times at random moments and look for what was lost or doubled
	ECHELON_KILLS=$(KILLS) go test ./e2e -run KilledServersLose -count=1 -timeout 60m -v

.PHONY: cuts
cuts: ## Break CUTS connections under streams, and end the server between, and look for what was lost or stored twice
	ECHELON_CUTS=$(CUTS) go test ./e2e -run SurviveCuts -count=1 -timeout 60m -v

.PHONY: backup-drill
backup-drill: ## Kill the server KILLS times during writes and backups, and compare what is restored
	ECHELON_KILLS=$(KILLS) go test ./e2e -run Backups -count=1 -timeout 60m -v

.PHONY: overload
overload: ## Offer a server three times what it can take, for OVERLOAD, and look how much it still does
	ECHELON_OVERLOAD=$(OVERLOAD) go test ./e2e -run 'TestOverload$$' -count=1 -timeout 60m -v

.PHONY: bench
bench: build ## Measure beside other ways of doing the same, within a minute with QUICK=1, one figure with ONLY=name
	cd bench && go run . $(if $(QUICK),-quick) $(if $(ONLY),-only $(ONLY))

.PHONY: differential
differential: ## Compare the two ways of evaluating expressions on ROWS random rows
	ECHELON_DIFFERENTIAL_ROWS=$(ROWS) go test ./engine/expr -run TestColumnsAndRowsAgree -count=1 -timeout 60m -v

.PHONY: clean
clean: ## Remove what was built and printed
	rm -rf bin third_party coverage.out

$(TOOLS): tools/go.mod tools/go.sum $(wildcard tools/protodeps/*.go)
	cd tools && GOBIN=$(TOOLS_DIR) go install tool ./protodeps
	@touch $@

$(PROTODEPS): $(TOOLS)
	protodeps third_party/proto
	@touch $@
