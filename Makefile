# Thin: what a target does is in the file that it calls.
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup check golden locale iso test test-vm demo dryrun bench reproducible sizes clean

help: ## what can be asked for
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what builds and tests this, from the machine's own mirrors (root, Debian 12 or 13)
	@images/setup.sh

check: ## lint, types, import contracts, unit tests; no root, under a minute
	@mkdir -p build
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo > build/lint-imports.log || { cat build/lint-imports.log; exit 1; }
	@grep -rlE '^#!/bin/(ba)?sh' elements images requirements .ci | xargs shellcheck
	@PATH=$(CURDIR)/.venv/bin:$$PATH ELEMENTS_DIR=elements LIB_DIR=elements dib-lint > build/dib-lint.log || { cat build/dib-lint.log; exit 1; }
	@$(PYTHON) -m pytest tests/unit tests/tui tests/sim -m "not slow"

golden: ## write the golden cases anew; read the difference before you commit it
	@GOLDEN=write $(PYTHON) -m pytest tests/unit/test_golden.py tests/unit/test_propose.py tests/unit/test_roles.py tests/unit/test_vm_domain.py tests/unit/test_vm_place.py tests/unit/test_vm_network.py tests/unit/test_vm_router.py tests/unit/test_pxe_boot.py tests/tui/test_screens.py tests/tui/test_node_screens.py tests/tui/test_moments.py

locale: ## take the console's sentences out of the code, into the catalogues; then translate what is new, and say it again
	@mkdir -p build
	@.venv/bin/pybabel -q extract -F babel.cfg -k N_ --no-location --sort-output --project=trivet -o build/trivet.pot .
	@.venv/bin/pybabel -q update -i build/trivet.pot -d appliance/tui/locale -D trivet --no-fuzzy-matching --ignore-pot-creation-date --width=100
	@.venv/bin/pybabel -q compile -d appliance/tui/locale -D trivet

iso: setup ## build/trivet-<version>-amd64.iso, its checksum and manifest, build/pxe/
	@$(PYTHON) -m images.build

test: setup check iso ## everything that CI runs: check, the engines natively, the ISO, a selection of stories
	@$(PYTHON) -m pytest tests/tui tests/sim -m slow
	@$(PYTHON) -m pytest tests/engine
	@$(PYTHON) -m pytest tests/vm/stories --quick

test-vm: ## every story on virtual machines; STORY=name for one
	@$(PYTHON) -m pytest tests/vm/stories $(if $(STORY),--story=$(STORY))

demo: ## boot the ISO in this terminal; SPEC=spec.yaml as its answer; leave with Ctrl-A X
	@images/demo.sh

dryrun: ## the installer's wizard for a recorded machine, MACHINE=tests/machines/NAME; with SPEC=spec.yaml its plan
	@$(PYTHON) -m appliance.cli.main $(if $(SPEC),plan $(SPEC),console) --machine $(MACHINE)

bench: ## times, as ratios against a named reference
	@$(PYTHON) -m tests.bench

reproducible: setup ## build twice from nothing and compare
	@$(PYTHON) -m images.compare

sizes: ## where the bytes of the image are
	@$(PYTHON) -m images.sizes

clean: ## remove what was built, and the caches
	@rm -rf build
