# `make` alone prints this list. Each target installs what it needs first (see tools/setup.sh).

PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help show setup test lint bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

show: setup ## play the bundled track and perform it, in a window or into a film
	@.venv/bin/vjgan live --input demo

setup: ## install what playing needs: system packages, .venv, pinned Python packages
	@tools/setup.sh show

test: lint ## check style and types, then run all tests
	@$(PYTHON) -m pytest -n auto --dist worksteal

lint: ## check style and types
	@tools/setup.sh test
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

bench: ## measure the loop, the pacing, the latency and the memory
	@tools/setup.sh test
	@$(PYTHON) -m bench

clean: ## remove .venv and all that was built; films in out/ stay
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
