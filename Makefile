# Everything a developer runs, in one place; `make` alone lists it. What needs more than Go says so in its line.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
CACHE     := $(CURDIR)/.cache
PEERS     := $(CACHE)/peers/bin
FUZZTIME  ?= 10s
BENCH     ?= .
BENCHTIME ?= 1s
PKG       ?= ./...

# Where `make run` keeps its data.
export DAYSIDE_DATA ?= $(CACHE)/run
# Where tests look for the programs they test against; sipp and kamailio come from the PATH.
export DAYSIDE_PEERS := $(PEERS)

GOTEST := go test -mod=readonly -timeout 15m

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## ---- the product; needs Go alone ----

.PHONY: build
build: ## bin/dayside
	CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/dayside ./cmd/dayside

IMAGE ?= dayside:$(VERSION)

.PHONY: image
image: build ## the container image, FROM scratch (needs podman or docker; IMAGE=name:tag)
	@deploy/container/build bin/dayside '$(IMAGE)'

.PHONY: run
run: build ## everything in one process on loopback, with the example configuration (data in DAYSIDE_DATA)
	@mkdir -p "$$DAYSIDE_DATA"; exec bin/dayside serve --example $(ARGS)

.PHONY: test
test: ## all tests (PKG=./services/... for some); those whose outside peer is absent skip
	$(GOTEST) $(PKG)
	@.tools/peers/absent "tests that need it were skipped; make peers installs it"

.PHONY: race
race: ## all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GOTEST) -race $(PKG)

.PHONY: bench
bench: ## all benchmarks, with the ratios they report (BENCH=regexp BENCHTIME=1s PKG=./...; recall of names: NAMES=file PAIRS=file)
	DAYSIDE_NAMES='$(abspath $(NAMES))' DAYSIDE_PAIRS='$(abspath $(PAIRS))' \
		go test -mod=readonly -timeout 60m -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem $(PKG) | grep -v 'no test files'

.PHONY: bench-sip
bench-sip: ## redirects under load by SIPp, beside Kamailio (needs make peers)
	@for peer in sipp kamailio; do command -v $$peer >/dev/null || { echo "bench-sip: $$peer is not installed; make peers installs it"; exit 1; }; done
	$(GOTEST) -timeout 30m -run '^$$' -bench '^BenchmarkSIPRedirects' -benchtime 1x -v ./services/systemtest

MINUTES ?=
SEED    ?=
FAULT   ?=

.PHONY: chaos
chaos: $(PEERS)/etcd $(PEERS)/etcdctl ## faults under load, judged by a checker (MINUTES=10 SEED=n FAULT=part-of-a-name; as root in namespaces)
	DAYSIDE_CHAOS_MINUTES='$(or $(MINUTES),10)' DAYSIDE_CHAOS_SEED='$(SEED)' DAYSIDE_CHAOS_FAULT='$(FAULT)' \
		DAYSIDE_CHAOS_OUT='$(CACHE)/chaos' $(GOTEST) -count=1 -timeout 24h -run '^TestChaos$$' -v ./services/systemtest

.PHONY: soak
soak: $(PEERS)/etcd ## calls at half of the maximum with a process killed each minute (MINUTES=60)
	DAYSIDE_SOAK_MINUTES='$(or $(MINUTES),60)' $(GOTEST) -count=1 -timeout 25h -run '^TestSoak$$' -v ./services/systemtest

.PHONY: simulate
simulate: ## years of calls and faults in virtual time (YEARS=100 SEED=n SHARD=n, as a failing run says them)
	@$(GOTEST) -count=1 -timeout 24h -run '^TestYears$$' -v ./services/routing/internal/simulation \
		-args -years $(or $(YEARS),100) -seed $(or $(SEED),0) $(if $(SHARD),-shard $(SHARD))

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s) each
	@.tools/fuzz $(FUZZTIME)

## ---- the API; needs Node for buf's prebuilt binary ----

BUF     := $(CURDIR)/.tools/buf/node_modules/.bin/buf
DEPS    := proto/.deps/.complete
FRESH   := $(CACHE)/generate
# What is generated, below api/; a folder is generated whole.
MADE    := dayside openapi/dayside.swagger.json
BREAKING = $(BUF) breaking $(CACHE)/api.binpb --against proto/released.binpb --exclude-imports --config proto/buf.yaml

$(BUF): .tools/buf/package-lock.json
	@command -v npm >/dev/null || { echo "npm (Node) is needed to install buf; building, running and testing Dayside do without"; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefix .tools/buf
	@touch $@

# The third-party protos that ours import, printed from the Go modules that the generated code links against.
$(DEPS): .tools/proto/go.mod .tools/proto/go.sum .tools/proto/protodeps/main.go
	@rm -rf proto/.deps
	go run -C .tools/proto -mod=readonly ./protodeps $(CURDIR)/proto/.deps
	@rm -rf proto/.deps/google/protobuf && touch $@

# Generates beside the tree: so a check changes nothing, and a file that nothing makes any more does not survive.
.PHONY: generated-afresh
generated-afresh: $(BUF) $(DEPS)
	@rm -rf $(FRESH) && mkdir -p $(FRESH)
	$(BUF) lint proto
	$(BUF) generate --template proto/buf.gen.yaml -o $(FRESH)

.PHONY: generate
generate: generated-afresh ## api/dayside and api/openapi from proto/
	@for part in $(MADE); do rm -rf api/$$part && cp -R $(FRESH)/api/$$part api/$$part; done

.PHONY: generate-check
generate-check: generated-afresh ## fail where the generated code is not what proto/ makes
	@same=true; for part in $(MADE); do diff -rq $(FRESH)/api/$$part api/$$part || same=false; done; $$same \
		|| { echo "generate-check: api/ is not what proto/ makes: run make generate, and commit what it changes"; exit 1; }

.PHONY: api-release
api-release: $(BUF) $(DEPS) ## make today's API the one that later ones must not break (proto/released.binpb)
	$(BUF) build proto --exclude-source-info -o proto/released.binpb

## ---- checks ----

LINTER := $(CACHE)/tools/golangci-lint

$(LINTER): .tools/lint/go.mod .tools/lint/go.sum
	go build -C .tools/lint -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: lint
lint: $(LINTER) $(BUF) $(DEPS) ## the rules of the house on Go, protos and go.mod; that the API breaks nobody
	$(BUF) lint proto
	@$(BUF) build proto --exclude-source-info -o $(CACHE)/api.binpb
	$(BREAKING)
	$(LINTER) run $(PKG)
	go mod tidy -diff

## ---- peers: what the tests talk to from outside ----

PEER_BINARIES := $(addprefix $(PEERS)/,etcd etcdctl grpcurl jaeger deploycheck oidc-provider)
BUILD_PEER     = -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' -o $@

.PHONY: peers
peers: debian-peers $(PEER_BINARIES) ## install sipp, kamailio, podman, promtool (Debian, as root), build etcd, grpcurl, Jaeger, deploycheck; an OpenID provider (npm)
	@.tools/peers/absent "not installed"

.PHONY: debian-peers
debian-peers:
	@.tools/peers/install

$(PEERS)/etcd: .tools/etcd/go.mod .tools/etcd/go.sum
	go build -C .tools/etcd $(BUILD_PEER) go.etcd.io/etcd/server/v3

$(PEERS)/etcdctl: .tools/etcd/go.mod .tools/etcd/go.sum
	go build -C .tools/etcd $(BUILD_PEER) go.etcd.io/etcd/etcdctl/v3

$(PEERS)/grpcurl: .tools/grpcurl/go.mod .tools/grpcurl/go.sum
	go build -C .tools/grpcurl $(BUILD_PEER) github.com/fullstorydev/grpcurl/cmd/grpcurl

$(PEERS)/jaeger: .tools/jaeger/go.mod .tools/jaeger/go.sum
	@echo "Jaeger compiles for two to five minutes the first time"
	go build -C .tools/jaeger $(BUILD_PEER) github.com/jaegertracing/jaeger/cmd/jaeger

$(PEERS)/deploycheck: $(wildcard .tools/deploycheck/*.go) .tools/deploycheck/go.mod .tools/deploycheck/go.sum
	go build -C .tools/deploycheck $(BUILD_PEER) .

$(PEERS)/oidc-provider: .tools/oidc/package-lock.json .tools/oidc/provider.mjs
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefix .tools/oidc
	@mkdir -p $(PEERS) && printf '#!/bin/sh\nexec node "%s" "$$@"\n' '$(CURDIR)/.tools/oidc/provider.mjs' > $@ && chmod +x $@

.PHONY: jaeger
jaeger: $(PEERS)/jaeger ## run Jaeger on loopback: takes OTLP on 4317, answers queries on 16686
	@echo "Jaeger takes traces on 127.0.0.1:4317 (OTLP/gRPC) and answers on http://127.0.0.1:16686/api/traces; Ctrl-C ends it."
	@echo "In another terminal: make run ARGS='--otlp 127.0.0.1:4317'"
	@exec $(PEERS)/jaeger --config deploy/jaeger/jaeger.yaml

.PHONY: clean
clean: ## remove what was built; the data of make run stays
	rm -rf bin proto/.deps .tools/buf/node_modules .tools/oidc/node_modules $(CACHE)/tools $(CACHE)/peers $(FRESH) $(CACHE)/api.binpb
