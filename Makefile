# Everything a contributor runs. Needs python3 (3.11 or newer) and make; all else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test bench peers torture lint generate editor lock clean FORCE

# A virtual environment holds absolute paths: one that came with a copied checkout, or was cut short, is made anew.
USABLE := $(shell grep -sqF "$(CURDIR)/.venv/bin/" $(BIN)/pip && \
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes)

help: ## list the targets
	@awk -F ':.*## ' '/^[.a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

.venv: $(STAMP) ## create the virtual environment with the locked versions

$(STAMP): requirements.lock pyproject.toml $(if $(USABLE),,FORCE)
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "error: $(PYTHON) not found; install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: $$("$(PYTHON)" -V 2>&1) is too old: Python 3.11 or newer is needed, e.g. make PYTHON=python3.12" >&2; exit 1; }
	$(if $(USABLE),,"$(PYTHON)" -m venv --clear .venv)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

demo: .venv ## serve the demonstration data on http://127.0.0.1:8080
	$(BIN)/hub demo

test: .venv ## run the test suite
	$(BIN)/python -m pytest -n auto --dist loadfile

bench: .venv ## run the benchmarks; the result is build/bench.json
	@mkdir -p build
	$(BIN)/python -m tests.benchmarks.run

peers: .venv ## install what the SPARQL benchmarks compare with (Debian; as root)
	apt-get install --yes --no-install-recommends wrk virtuoso-opensource-7-bin virtuoso-opensource-7-common
	$(BIN)/python -m tests.benchmarks.peers

torture: .venv ## kill, corrupt and starve the hub
	$(BIN)/python -m tests.torture

lint: .venv ## check style, types, imports and generated files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m linkml_schemas.build --check

generate: .venv ## write linkml_schemas/generated from bioimage.yaml
	$(BIN)/python -m linkml_schemas.build

editor: ## build the SPARQL editor's script and style into hub/web/static/editor (needs node and npm)
	cd editor && npm ci --ignore-scripts --no-audit --no-fund && npm run build

lock: .venv ## write requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade --quiet \
		--no-config --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --output-file requirements.lock

clean: ## remove what was built (not .venv, not data)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
