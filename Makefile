# Thin: what a target does is in the file that it calls.
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup check iso test test-vm demo dryrun bench reproducible sizes clean

help: ## what can be asked for
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what builds and tests this, from the machine's own mirrors (root, Debian 12 or 13)
	@images/setup.sh

check: ## lint, types, import contracts, unit tests; no root, under a minute
	@false

iso: setup ## build/trivet-<version>-amd64.iso, its checksum and manifest, build/pxe/
	@$(PYTHON) -m images.build

test: iso ## everything that CI runs
	@false

test-vm: ## every story on virtual machines; STORY=name for one
	@false

demo: ## boot the ISO in this terminal; leave with Ctrl-A X
	@images/demo.sh

dryrun: ## the plan for a recorded machine: MACHINE=tests/machines/NAME SPEC=spec.yaml
	@$(PYTHON) -m appliance.cli.main plan $(SPEC) --machine $(MACHINE)

bench: ## times, as ratios against a named reference
	@false

reproducible: setup ## build twice from nothing and compare
	@$(PYTHON) -m images.compare

sizes: ## where the bytes of the image are
	@$(PYTHON) -m images.sizes

clean: ## remove what was built, and the caches
	@rm -rf build
