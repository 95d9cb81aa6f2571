# `make` lists what there is. Only Go is needed for build, run and test.

GOLANGCI_VERSION := v2.15.0
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

# For `make bench`: where the server is, and more flags for the load tool.
URL ?= http://127.0.0.1:8008
FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build run test lint format check bench

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: ## build both programs into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

run: ## start the server on ./data
	go run ./cmd/internalchat

test: ## all tests (PostgreSQL's only where its server is installed)
	go test ./...

lint: ## golangci-lint, in the version this repository is written for
	@if [ "v$$(golangci-lint version --short 2>/dev/null)" = "$(GOLANGCI_VERSION)" ]; \
	then golangci-lint run ./...; \
	else go run $(GOLANGCI) run ./...; fi

format: ## rewrite the Go files as the linter wants them
	go run $(GOLANGCI) fmt ./...

check: lint ## what a change must pass: lint, and tests with race detector, PostgreSQL and matrix-js-sdk
	go vet ./...
	cd clientapi/e2e && npm ci
	INTERNALCHAT_REQUIRE_POSTGRES=1 INTERNALCHAT_REQUIRE_NPM=1 go test -race ./...

bench: ## load the server at URL (started with --registration open --rate-limits off)
	@go build -o bin/ ./cmd/chatbench
	@bin/chatbench send --url $(URL) $(FLAGS)
	@bin/chatbench send --senders 1 --count 1000 --url $(URL) $(FLAGS)
	@bin/chatbench fanout --url $(URL) $(FLAGS)
	@bin/chatbench initsync --url $(URL) $(FLAGS)
