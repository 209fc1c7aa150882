# Each target is a script, which does the same without make: python scripts/<name>.py
# With another Python: make PYTHON=python3.12 test
PYTHON ?= python3
# More seeds, narrower intervals: make SEEDS=10 paper
SEEDS ?= 5

.DEFAULT_GOAL := help
.PHONY: help setup test test-engines paper studies elsewhere audit saddle clean

help:  ## say what each target does
	@awk -F ':  ## ' '/^[a-z]/ { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup:  ## create .venv, install the packages, fetch the data
	@$(PYTHON) scripts/bootstrap.py

test:  ## set up, then lint, check the types and run the tests
	@$(PYTHON) scripts/test.py

test-engines:  ## set up, then try every launcher, on a real SLURM (installed from Debian if need be) and a real Ray
	@$(PYTHON) scripts/engines.py

paper:  ## set up, then rerun every figure and table of the report and build the page
	@$(PYTHON) scripts/paper.py --seeds $(SEEDS)

studies:  ## set up, then run the other experiments and build the page
	@$(PYTHON) scripts/studies.py --seeds $(SEEDS)

elsewhere:  ## set up, then check the numbers that others printed and build the page
	@$(PYTHON) scripts/elsewhere.py --seeds $(SEEDS)

audit:  ## set up, then search for the settings that would explain the report's tables
	@$(PYTHON) scripts/audit.py --seeds $(SEEDS)

saddle:  ## set up, then check the theory of the saddle at zero
	@$(PYTHON) scripts/saddle.py

clean:  ## remove .venv, caches and builds; outputs stay
	@$(PYTHON) scripts/clean.py
