# `make` alone lists the targets. All but help and clean set up .venv first, quickly when done.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test verify bench lint docs clean

export MPLBACKEND := Agg
PY := .venv/bin/python
# Two BLAS pools on two cores only get in each other's way.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST_ARGS ?=
# A file's tests share what they set up, so a file stays in one process. Some tests hold messages
# with whole paths, which the tool shortens: the temporary folder's own is short.
PYTEST := -m pytest -n auto --maxprocesses 4 --dist loadfile --basetemp
DEMO_ARGS ?=

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## .venv with the pinned packages, and ngspice where it can be installed
	@scripts/setup.sh

demo: setup  ## train, map, simulate, price, write the netlist, run ngspice: demo-out/report.html
	@scripts/timed.sh demo .venv/bin/mru-hw demo --out demo-out $(DEMO_ARGS)

test: setup  ## the tests, without those marked slow; no network needed after set-up
	@files=$$(mktemp -d) && $(ONE_THREAD) $(PY) $(PYTEST) "$$files" $(PYTEST_ARGS) && rm -rf "$$files"

verify: setup lint  ## everything: lint, every test including the slow ones, the wheel
	@files=$$(mktemp -d) && $(ONE_THREAD) scripts/timed.sh verify $(PY) $(PYTEST) "$$files" \
		-m "slow or not slow" $(PYTEST_ARGS) && rm -rf "$$files"

bench: setup  ## measure: every benchmarks/bench_*.py, one after the other
	@shopt -s nullglob; for file in benchmarks/bench_*.py; do \
		$(ONE_THREAD) scripts/timed.sh "$$file" $(PY) "$$file" || exit 1; \
	done

lint: setup  ## style, types and the import contract
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy mru_hw tests $(wildcard benchmarks/*.py)
	@.venv/bin/lint-imports

docs: setup  ## the documentation as a site, build/site/index.html; a warning is an error
	@$(PY) -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/site
	@echo build/site/index.html

clean:  ## remove caches and the demo's output, keep .venv
	@rm -rf demo-out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find mru_hw tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
