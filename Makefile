# The two commands that matter: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(wildcard plugins/*/pyproject.toml)
EDITABLE := -e '.[dev]' $(patsubst %/pyproject.toml,-e %,$(PLUGINS))
SOURCES := zoo_core plugins tests experiments benchmarks examples

.PHONY: help setup demo test lint slow docs wheels clean

help:             ## show this help
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready ## create .venv with everything installed

.venv/ready: pyproject.toml $(PLUGINS)
	@echo "Setting up .venv (about two minutes the first time) ..."
	@free=$$(df -Pm . | awk 'NR == 2 {print $$4}'); test "$$free" -ge 9000 || \
		echo "Only $$free MB are free here: torch and its CUDA packages take 6 GB, and 3 more while they are installed."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check torch torchvision
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(EDITABLE)
	@touch .venv/ready

demo: setup       ## train two models on real digits, print a table, write pictures to demo/ (< 4 minutes)
	@$(BIN)/python examples/demo.py

lint: setup       ## ruff, mypy and which package imports which
	@$(BIN)/ruff check $(wildcard $(SOURCES))
	@$(BIN)/ruff format --check -q $(wildcard $(SOURCES))
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint        ## lint and the tests
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist worksteal -m "not slow"

slow: setup       ## the tests that take minutes
	@$(BIN)/pytest -q -m slow

docs: setup       ## build the documentation into site/
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@$(BIN)/mkdocs build --strict

wheels: setup     ## build the wheels of the core and of every plugin into dist/
	@for package in . plugins/*/; do $(BIN)/python -m build --wheel --outdir dist "$$package" > /dev/null && echo "dist/ has $$package" || exit 1; done

clean:            ## remove what the other targets made, but not runs/
	rm -rf .venv demo site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
