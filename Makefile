# Two commands for a new user: `make demo` and `make test`. Everything lands in .venv/ and .draftline/ of this folder.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo up stop test check unit explore lock test-realesrgan proof bench screenshots clean

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.venv/.demo: requirements.lock tools/install.sh pyproject.toml
	@tools/install.sh requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock tools/install.sh pyproject.toml
	@tools/install.sh requirements-dev.lock
	@touch $@ .venv/.demo

demo: .venv/.demo ## the whole line on the samples: no key, no cent, pictures out (about 2 minutes)
	@$(BIN)/draftline demo

up: .venv/.demo ## everything embedded stays up: the board, Prefect's UI, sandbox, S3, worker; Ctrl-C stops it
	@$(BIN)/draftline up

stop: .venv/.demo ## stop every embedded service of this folder
	@$(BIN)/draftline stop

test: .venv/.dev ## the whole proof: types, style, rooms, every test with real servers
	@tools/test.sh

check: .venv/.dev ## types, style and rooms only
	@tools/check.sh

unit: .venv/.dev ## the fast tests only
	@$(BIN)/python -m pytest tests/unit

explore: .venv/.dev ## the property tests again with examples that nobody has tried yet
	@HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest $$(grep -rlE "hypothesis|ledger_machine" tests --include='test_*.py')

test-realesrgan: ## the official realesrgan package on CPU torch equals our default (1.5 GB, about 2 minutes)
	@deployments/realesrgan/prove.sh

bench: .venv/.dev ## holds and settles a second, 1 to 32 clients, SQLite and PostgreSQL, 0 and 1,000,000 rows
	@$(BIN)/python -m bench.ledger --clients 1 2 4 8 16 32 --seconds 5 --rows 0 1000000

proof: .venv/.dev ## 10,000 paid calls, kill -9, crashed servers, and a certificate (about 10 minutes)
	@$(BIN)/python -m bench.proof --postgres --kill-sandbox 2 --restart-database 2 --out certificate.txt

lock: .venv/.dev ## resolve the lock files anew (uv)
	@tools/lock.sh

screenshots: .venv/.dev ## every page of the board, and Prefect's forms, as pictures in docs/images (about 3 minutes)
	@tools/browser.sh
	@$(BIN)/python tools/screenshots.py

clean: ## remove what the commands made here (.venv stays)
	@if [ -x $(BIN)/draftline ]; then $(BIN)/draftline stop; fi
	rm -rf .draftline build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
