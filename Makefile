# Everything around the code. Each target sees to the Debian packages it needs (script/setup).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help check demo test soak fuzz static image release bench man clean

help: ## Print this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: ## Show the main job with a real Envoy, in throwaway network namespaces
	@script/demo

check: ## Format, clippy and unit tests: the quick loop, with the build's packages alone
	@script/check

test: ## Run every test; NETNS_TESTS=require makes what cannot run here a failure
	@script/test

soak: ## The tests with far more generated input; adds a line to docs/testing.md
	@script/soak

static: ## Build the fully static release binary, .build/static/netweir
	@script/setup build static
	@script/static >/dev/null

image: ## Build the image, from scratch, with buildah: an OCI layout, .build/image/netweir.tar
	@script/setup build static image
	@script/image

release: ## Make all of a release, .build/release; SIGN=COMMAND signs its checksums
	@script/setup build wheels release
	@script/release

fuzz: ## Run every fuzz target for SECONDS_EACH seconds (60)
	@script/fuzz $${SECONDS_EACH:-60}

bench: ## Measure against nft, iptables and a bare sender; BASE=COMMIT: against that build
	@script/bench

man: ## Write the man pages, .build/man
	@script/setup build
	@cargo run --quiet --locked --example man -- .build/man
	@ls .build/man

clean: ## Remove what the targets above made
	cargo clean
	rm -rf .build
