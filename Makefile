# `make run` serves, `make test` tests everything, `make help` lists the rest.
SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
BUILD    := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION) -X main.commit=$(COMMIT)'
TOOL     := go tool -modfile=.tools/go.mod
UNIT      = $(shell go list ./... | grep -v '/handlers/e2e$$')
FUZZTIME ?= 3s
BENCH    ?= .

.PHONY: build
build: ## Build bin/toolgate
	@mkdir -p bin
	$(BUILD) -o bin/toolgate .

.PHONY: run
run: build ## Build, and serve the demo data on http://localhost:3002
	exec bin/toolgate serve

.PHONY: demo
demo: build ## Build, and serve tools declared over a database, an HTTP API and a folder, with data of their own
	go run ./deploy/demo

.PHONY: dev
dev: ## Serve, and build and start again on every change
	$(TOOL) reflex --decoration=none --start-service --shutdown-timeout=5s --regex='\.(go|mod|ya?ml|html|css|js|md)$$' \
	  --inverse-regex='(^|/)(bin|docs|deploy|\.git)/|_test\.go$$' -- $(MAKE) --no-print-directory run

.PHONY: test
test: needs lint generated vet unit fuzz e2e ## Install what the tests need, and run them all
	@echo; cat bin/unit.txt bin/e2e.txt | grep '^ok'

.PHONY: needs
needs: ## Install what the tests need and is missing (Debian; elsewhere says what)
	@.ci/needs

.PHONY: lint
lint: ## Lint, by .golangci.yml
	go mod tidy -diff
	$(TOOL) golangci-lint run

.PHONY: fmt
fmt: ## Format the code as lint wants it
	$(TOOL) golangci-lint fmt

.PHONY: generate
generate: ## Generate documentation from the code
	go generate ./...

.PHONY: generated
generated: # Fail if generate changes anything
	@.ci/unchanged go generate ./...

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: unit
unit: ## Run the tests inside the packages, with the race detector
	@mkdir -p bin
	go test -race $(UNIT) | tee bin/unit.txt

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (3s)
	@for dir in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -r -n1 dirname | sort -u); do \
	  targets=$$(go test -list '^Fuzz' "$$dir" | sed -n '/^Fuzz/p'); \
	  for target in $$targets; do .ci/fuzz "$$dir" "$$target" $(FUZZTIME); done; \
	done

.PHONY: e2e
e2e: ## Run the binary against raw transcripts, the README, the real clients and the conformance suite
	@mkdir -p bin
	go test -count=1 -timeout 20m -v ./handlers/e2e | tee bin/e2e.txt

.PHONY: conformance
conformance: ## Run the official conformance suite in every mode, and want full marks
	go test -count=1 -timeout 10m -v -run '^TestConformance$$' ./handlers/e2e

.PHONY: bench
bench: ## Run the benchmarks, or those that match BENCH
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(UNIT)

.PHONY: clean
clean: ## Remove what make made
	rm -rf bin

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12
