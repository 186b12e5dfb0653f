# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Everything runs in .venv, made by `make setup`.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-firmware bench lint fmt lock clean

BIN := .venv/bin
# Arguments for the program a target runs: make demo ARGS=--help, make test ARGS="-k airtime"
ARGS ?=
# Test processes; 0 runs the tests in one, which pytest's --pdb needs
JOBS ?= auto

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv: host packages, locked packages, the compiled core
	@tools/setup.sh

demo: setup ## the whole chain on recorded weather: no hardware, no Docker (ARGS=...)
	@$(BIN)/qres demo $(ARGS)

test: setup ## the fast tests but the firmware's (ARGS="-k name", JOBS=0 for one process)
	$(BIN)/pytest -q -n $(JOBS) -m "not slow and not bench and not browser" --ignore tests/firmware $(ARGS)

test-all: ## every test, the slow and the browser ones too
	@tools/setup.sh browser
	$(BIN)/pytest -q -n $(JOBS) -m "not bench" --hypothesis-profile=thorough $(ARGS)

test-firmware: setup ## build the firmware and run it without a board: RV32 in QEMU, other ISAs, power cuts
	@tools/setup.sh firmware
	$(BIN)/pytest -q -n $(JOBS) tests/firmware $(ARGS)

bench: setup ## measure speed: all of bench/*.py into bench/results (ARGS="gateway core")
	@failed=; for name in $(or $(ARGS),$(patsubst bench/%.py,%,$(wildcard bench/[a-z]*.py))); do \
		printf '%s: measuring\n' "$$name" >&2; \
		$(BIN)/python -m "bench.$$name" >/dev/null || failed="$$failed $$name"; \
	done; \
	$(BIN)/python -m bench._table $(ARGS); \
	[ -z "$$failed" ] || { printf 'failed:%s\n' "$$failed" >&2; exit 1; }

lint: setup ## ruff, its formatter and mypy --strict, without changing a file
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fmt: setup ## format the Python files and apply ruff's safe fixes
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format

lock: setup ## resolve pyproject.toml into requirements.lock anew (fetches uv)
	@tools/lock.sh

clean: ## remove .venv and everything built
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -exec rm -rf {} +
