# What a newcomer and a contributor run. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install -c constraints.txt
DEMO ?= runs/demo
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check docs sizes constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## train on the built-in digits, sample, evaluate, say where to look
	@$(BIN)/gantlet train digits --out $(DEMO)
	@$(BIN)/gantlet sample $(DEMO) -n 100 --out $(DEMO)/made
	@$(BIN)/gantlet evaluate $(DEMO)
	@echo
	@echo "Open      $(DEMO)/report.html   how far to trust them, and why"
	@echo "Look at   $(DEMO)/made       100 new digits and their grid"
	@echo "          $(DEMO)/samples    the same latents while training went on"
	@echo "Next      $(BIN)/gantlet train PATH-TO-YOUR-IMAGES"

test: $(VENV)/.dev ## run the whole test suite, on all processors
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

check: $(VENV)/.dev ## style, types, floors, sizes, documentation
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_layers.py tests/test_sizes.py
	@$(BIN)/mkdocs build --strict --quiet

docs: $(VENV)/.dev ## show the documentation at http://127.0.0.1:8000
	@$(BIN)/mkdocs serve

sizes: $(VENV)/.dev ## lines by package, longest files and functions
	@$(BIN)/python scripts/sizes.py

constraints: $(VENV)/.dev ## lock the versions that are installed in .venv
	@$(BIN)/python scripts/constraints.py > constraints.new && mv constraints.new constraints.txt

clean: ## remove what was built; keep .venv and runs
	@rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find src tests scripts benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# One environment, two stamps: a demo installs the core alone, tests and checks the tools too.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Gantlet needs Python 3.11 or newer, this is %d.%d; name one: make PYTHON=python3.11" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Gantlet into $(VENV), versions as in constraints.txt"
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Gantlet and its tools into $(VENV), versions as in constraints.txt"
	@$(PIP) -e '.[dev]'
	@touch $@
