# make run     serve an echo on ws://127.0.0.1:8000/
# make test    run the tests
# make check   lint, types, docs and packaging
# make conformance   run the Autobahn Testsuite against our server and our client
# make fuzz    look for inputs that break txws2; SECONDS=600 for longer
# make bench   compare with other servers; WORKLOADS="echo tls" SERVERS="txws2 ws" ROUNDS=3 SECONDS=3
# make bench-docs   put what make bench has found into the docs
# make microbench   time the protocol core, piece by piece
# make clean   remove what these have made

PYTHON ?= python3
BIN = .venv/bin
PEERS = tests/interop/node_modules

.PHONY: run test check lint types docs packaging conformance fuzz bench bench-docs microbench clean

run: .venv/installed
	$(BIN)/twistd --nodaemon --pidfile= ws

test: .venv/tested $(PEERS)
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --fail-under=98

check: lint types docs packaging

lint: .venv/checked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/checked
	$(BIN)/mypy

docs: .venv/checked
	$(BIN)/python -m docutils --report=warning --halt=warning README.rst /dev/null
	$(BIN)/sphinx-build -q -n -W --keep-going -b html docs build/docs
	$(BIN)/towncrier build --draft --version next > /dev/null

packaging: .venv/checked
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist .
	$(BIN)/python -m pytest -m packaging tests/test_packaging.py

# The report is build/conformance/summary.rst; CASES='1.*,7.*' runs less of it.
conformance: .venv/installed
	$(BIN)/python -m tests.conformance.run $(if $(CASES),--cases '$(CASES)')

# Of one target: TARGET=frames. What it finds is in build/fuzz.
fuzz: .venv/fuzzing
	$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

# It leaves tables, a plot and all figures in build/bench.
bench: .venv/measured
	$(BIN)/python -m benchmarks $(if $(WORKLOADS),--workloads $(WORKLOADS)) $(if $(SERVERS),--servers $(SERVERS)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

bench-docs: .venv/measured
	$(BIN)/python -m benchmarks --report-only
	mkdir -p docs/performance
	cp build/bench/overview.rst build/bench/details.rst build/bench/plot.svg docs/performance

microbench: .venv/measured
	$(BIN)/python -m pytest benchmarks/micro -p no:randomly --benchmark-columns=min,median,ops

.venv/installed: setup.cfg setup.py pyproject.toml txws2/wire/_speedups.c
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

.venv/checked: .venv/tested
	$(BIN)/python -m pip install --quiet --editable '.[test,docs,dev]'
	touch $@

.venv/fuzzing: .venv/tested
	$(BIN)/python -m pip install --quiet --editable '.[test,fuzz]'
	touch $@

.venv/measured: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

# Without npm, the tests with Node's ws are skipped; they say so.
$(PEERS): tests/interop/package.json
	if command -v npm > /dev/null; then npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/interop; fi
	mkdir -p $@
	touch $@

clean:
	rm -rf .venv build $(PEERS)
