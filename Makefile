# `make demo` and `make test` do all the set-up on a fresh machine.
PYTHON ?= python3
BIN = .venv/bin
# two processes of one thread each: on two cores nearly twice as fast as one of two
TESTS = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup
export DEEPEN_DATA ?= $(abspath ../shared/data)

demo: .venv/ready
	$(BIN)/deepen train digits

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(TESTS) -m "not slow" --durations=10

test-all: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	bash .ci/system
	$(TESTS) --durations=20 -rs

# torch first: pinned, so that a CPU build that is at hand is taken
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch .venv/ready

bench: .venv/ready
	$(BIN)/python bench/readme.py

.PHONY: demo test test-all bench
