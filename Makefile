# One command per intention; the same in CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo setup test fuzz lint format site serve bench clean

setup: $(STAMP)

$(STAMP): requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/kb sync README.md
	$(BIN)/kb repro dual-encoding
	$(BIN)/kb publish

# Bytecode that one of many short processes compiles serves the next, whatever the environment says.
# One thread each: with more, a process waits for threads that the other processes keep from running.
# One process more than there are processors: a test that waits for a server leaves one to another.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
test: setup
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

# Minutes of changed inputs for each parser, then two hundred kills of each command that writes much.
FUZZ_MINUTES ?= 10
fuzz: setup
	$(BIN)/python -m tests.fuzz --minutes $(FUZZ_MINUTES)
	$(BIN)/python -m tests.fuzz.kills --times 200
	$(BIN)/python bench/kills.py --kills 200

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

site: setup
	$(BIN)/kb publish

serve: setup
	$(BIN)/kb serve

bench: setup
	@for file in bench/*.py; do $(BIN)/python $$file; done

clean:
	rm -rf build
