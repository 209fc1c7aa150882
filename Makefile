# Each target is a script, which does the same without make: python scripts/<name>.py (or scripts/maintenance/<name>.py)
# With another Python: make PYTHON=python3.12 test
PYTHON ?= python3
# More seeds, narrower intervals: make SEEDS=10 paper
SEEDS ?= 5
# Hold packages at a version: make HOLD="torch==2.14.1 torchvision==0.29.1" upgrade
HOLD ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev test test-all test-launchers upgrade paper studies compare audit saddle clean

help:  ## list the targets
	@awk -F ':  ## ' '/^[a-z]/ { printf "make %-14s %s\n", $$1, $$2 }' Makefile

setup:  ## create .venv, install the locked packages, fetch the data
	@$(PYTHON) scripts/bootstrap.py

setup-dev:  ## the same, with the tools that the tests need
	@$(PYTHON) scripts/bootstrap.py --dev

test:  ## set up, then run linters, type checker and every test except the slow proofs
	@$(PYTHON) scripts/test.py

test-all:  ## set up, then run linters, type checker and every test
	@$(PYTHON) scripts/test.py --all

test-launchers:  ## set up, then test every launcher, on a real SLURM (installed from Debian if need be) and a real Ray
	@$(PYTHON) scripts/maintenance/launchers/run.py

upgrade:  ## renew the lock with the newest releases, then run every test
	@$(PYTHON) scripts/maintenance/upgrade.py $(HOLD)

paper:  ## set up, then rerun every figure and table of the report and build the page
	@$(PYTHON) scripts/paper.py --seeds $(SEEDS)

studies:  ## set up, then run the experiments beside the report and build the page
	@$(PYTHON) scripts/studies.py --seeds $(SEEDS)

compare:  ## set up, then compare numbers that others published with runs, and build the page
	@$(PYTHON) scripts/compare.py --seeds $(SEEDS)

audit:  ## set up, then search for the settings that would explain the report's tables
	@$(PYTHON) scripts/audit.py --seeds $(SEEDS)

saddle:  ## set up, then test the theory of the saddle at zero
	@$(PYTHON) scripts/saddle.py

clean:  ## remove .venv, caches and builds; outputs stay
	@$(PYTHON) scripts/clean.py
