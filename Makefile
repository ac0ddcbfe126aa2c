# One verb for each habit; `make` alone lists them. CI runs the same verbs as a person.
# PYTHON names the interpreter that the virtual environment is made with: make test PYTHON=python3.13

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup fmt check test bench up demo wheel clean

help: ## List these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the virtual environment (every other verb does so by itself)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Onhook needs Python 3.11 or later; name one: make PYTHON=python3.12 setup"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "This Python cannot make virtual environments (on Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,postgres,flower]'
	@touch $@

fmt: $(STAMP) ## Format the code and regenerate what is generated
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m dispatcher.settings > config/onhook.reference.toml.new
	mv config/onhook.reference.toml.new config/onhook.reference.toml

check: $(STAMP) ## Lint, format, types, and the arrows between modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP) ## Run the tests; those that want servers which are not here are skipped
	$(BIN)/python -m pytest $(ARGS)

bench: $(STAMP) ## Measure, the short form (about five minutes)
	$(BIN)/python -m bench --short $(ARGS)

up: $(STAMP) ## Run everything on this machine, with data in ./onhook-data
	$(BIN)/onhook up $(ARGS)

demo: $(STAMP) ## Show the main job: calls in, deliveries out
	$(BIN)/onhook demo $(ARGS)

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean: ## Remove the virtual environment and what tools have made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
