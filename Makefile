# Two commands from a bare checkout with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
# One more than cores: many tests wait for processes that they start.
WORKERS := $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 1)")

# RLlib pins another Gymnasium, so it has an environment of its own.
HOSTS := .venv-hosts/torchrl/installed .venv-hosts/rllib/installed

.PHONY: demo test lint types tests docs test-games test-hosts benchmarks campaign campaign-short clean

demo: $(INSTALLED)  ## Pong from random play to slots and a report, in about half a minute once installed.
	$(BIN)/python -m pretrain run --env Pong --out runs/demo --budget demo

test: lint types tests  ## Everything CI runs.

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

tests: $(INSTALLED)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --durations=5

test-games: $(INSTALLED)  ## README's first lines, and both check_envs, in every game of ALE's.
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/test_every_game.py --every-game

test-hosts: $(HOSTS)  ## TorchRL, Minari and RLlib: about five minutes to install, then about one.
	.venv-hosts/torchrl/bin/python -m pytest -q tests/hosts --ignore tests/hosts/test_rllib.py
	.venv-hosts/rllib/bin/python -m pytest -q tests/hosts/test_rllib.py tests/hosts/test_snippets.py

docs: $(INSTALLED)  ## The pages of docs/ as a site, site/index.html; the tests build it, too.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

benchmarks: $(INSTALLED)  ## Speed ratios on this machine, about 10 minutes on 2 idle cores.
	PYTHONPATH=tests/support $(BIN)/python tests/benchmarks/speed.py
	$(BIN)/python tests/benchmarks/objects.py
	$(BIN)/python tests/benchmarks/agents.py

campaign: $(INSTALLED)  ## Kills, damaged files, strange places and a soak: about an hour on 2 idle cores.
	$(BIN)/python tests/campaign/run.py

campaign-short: $(INSTALLED)  ## The same on what is quick, about a minute.
	$(BIN)/python tests/campaign/run.py --short

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

.venv-hosts/torchrl/installed: EXTRAS := torchrl,minari
.venv-hosts/rllib/installed: EXTRAS := rllib
.venv-hosts/rllib/installed: PINNED_BY_HOST := gymnasium
$(HOSTS): pyproject.toml constraints.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	grep -v "^$(PINNED_BY_HOST)==" constraints.txt > $(@D)/constraints.txt
	$(@D)/bin/python -m pip install --quiet -c $(@D)/constraints.txt torch pytest
	$(@D)/bin/python -m pip install --quiet -c $(@D)/constraints.txt -e ".[$(EXTRAS)]"
	touch $@

clean:
	rm -rf .venv .venv-hosts runs site
