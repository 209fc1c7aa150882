# Each target is a script, which does the same without make: python scripts/<name>.py
# With another Python: make PYTHON=python3.12 test
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help setup test paper saddle clean

help:  ## say what each target does
	@awk -F ':  ## ' '/^[a-z]/ { printf "make %-6s %s\n", $$1, $$2 }' Makefile

setup:  ## create .venv, install the packages, fetch the data
	@$(PYTHON) scripts/bootstrap.py

test:  ## set up, then lint, check the types and run the tests
	@$(PYTHON) scripts/test.py

paper:  ## set up, then rerun every figure and table of the report
	@$(PYTHON) scripts/paper.py

saddle:  ## set up, then check the theory of the saddle at zero
	@$(PYTHON) scripts/saddle.py

clean:  ## remove .venv, caches and builds; outputs stay
	@$(PYTHON) scripts/clean.py
