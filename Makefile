# make run     serve an echo on ws://127.0.0.1:8000/
# make test    run the tests, on as many cores as there are; WORKERS=2 on two, WORKERS=0 in one process
# make unit    run the tests that need no other programs and no peers
# make check   lint, types, docs and packaging
# make oldest  run the tests with the oldest Twisted that is supported, and what goes with it
# make oldest-unit   make unit with these
# make without-accelerator   make unit with the Python twins of what is in C
# make pythons  run the tests of the protocol core and of the accelerator on each Python, before a release
# make reactors   run the tests on each reactor, with every way to share an epoll, and without the accelerator
# make conformance   run the Autobahn Testsuite against our server and our client
# make fuzz    look for inputs that break txws2; SECONDS=600 for longer
# make chaos   see that a client loses nothing whatever becomes of its connections; SECONDS=600 for longer
# make bench   compare with other servers; WORKLOADS="echo tls" SERVERS="txws2 ws" ROUNDS=3 SECONDS=3
# make bench-docs   put what make bench has found into the docs
# make microbench   time the protocol core, piece by piece
# make sanitize      run the tests of the accelerator under the sanitizers of the C compiler
# make fuzz-sanitized   make fuzz with them
# make faults  attack servers that run, and measure what they take; SECONDS=60 for longer
# make soak    see whether memory stays flat: over a million messages, and SECONDS=600 of mixed traffic
# make sdist   build the source distribution, into build/wheels
# make wheels  build wheels from that, for this machine's system; Linux needs docker
# make clean   remove what these have made

PYTHON ?= python3
BIN = .venv/bin
PEERS = tests/interop/node_modules
WORKERS ?= auto
# The two halves of the suite.
UNIT = -n $(WORKERS) --ignore tests/interop
INTEROP = tests/interop

.PHONY: run test unit check lint types docs packaging oldest oldest-unit without-accelerator pythons reactors conformance fuzz chaos bench bench-docs microbench sanitize sanitized fuzz-sanitized faults soak sdist wheels clean

run: .venv/installed
	$(BIN)/twistd --nodaemon --pidfile= ws

# Each worker measures itself, from its first line on, as this variable tells it to.
test: .venv/tested $(PEERS)
	$(BIN)/coverage erase
	COVERAGE_PROCESS_START=$(CURDIR)/pyproject.toml $(BIN)/python -m pytest -n $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=98

unit: .venv/tested
	$(BIN)/python -m pytest $(UNIT)

check: lint types docs packaging

lint: .venv/checked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/checked
	$(BIN)/mypy
	$(BIN)/python -m pytest -m typing tests/project/test_typing.py

docs: .venv/checked
	$(BIN)/python -m docutils --report=warning --halt=warning README.rst /dev/null
	TXWS2_NO_SPEEDUPS=1 $(BIN)/sphinx-build -q -n -W --keep-going -b html docs build/docs
	$(BIN)/towncrier build --draft --version next > /dev/null

packaging: .venv/checked
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist .
	$(BIN)/python -m pytest -m packaging tests/project/test_packaging.py

oldest: oldest-unit $(PEERS)
	.venv-oldest/bin/python -m pytest $(INTEROP)

oldest-unit: .venv-oldest/tested
	.venv-oldest/bin/python -m pytest $(UNIT)

without-accelerator: .venv/tested
	TXWS2_NO_SPEEDUPS=1 $(BIN)/python -m pytest $(UNIT)

# It takes the Pythons that this machine has and, as root with debootstrap, Debian's. PYTHONS="3.11 pypy3"
# takes these alone, and fails if one of them is missing.
pythons:
	$(PYTHON) -m tests.pythons.run tests/wire $(TWINS) $(if $(PYTHONS),--pythons $(PYTHONS))

reactors: without-accelerator $(PEERS)
	for reactor in epoll poll select asyncio uvloop; do $(BIN)/python -m pytest --reactor $$reactor || exit; done
	for sharing in always never; do $(BIN)/python -m pytest --share-epoll $$sharing || exit; done
	TXWS2_NO_SPEEDUPS=1 $(BIN)/python -m pytest $(INTEROP)

# The report is build/conformance/summary.rst; CASES='1.*,7.*' runs less of it, REACTOR=poll on another
# reactor, SHARE_EPOLL=always or never with other connections in a shared epoll than users have there.
conformance: .venv/installed
	$(BIN)/python -m tests.conformance.run $(if $(CASES),--cases '$(CASES)') \
		$(if $(REACTOR),--reactor $(REACTOR)) $(if $(SHARE_EPOLL),--share-epoll $(SHARE_EPOLL))

# Of one target: TARGET=frames. What it finds is in build/fuzz.
fuzz: .venv/fuzzing
	$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

# With SEED=1, the faults are those of the run that had this seed.
chaos: .venv/tested
	$(BIN)/python -m tests.chaos.run --seconds $(or $(SECONDS),30) $(if $(SEED),--seed $(SEED))

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

sanitize: sanitized
	$(UNDER) LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	    $(BIN)/python -m pytest -o pythonpath='build/sanitize .' tests/wire $(TWINS)

# atheris brings sanitizers that are one with its libFuzzer.
fuzz-sanitized: sanitized .venv/fuzzing
	$(UNDER) LD_PRELOAD="$$(echo $(CURDIR)/.venv/lib/python3*/site-packages/asan_with_fuzzer.so)" \
	    $(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

TWINS = tests/test_accelerator.py tests/transport/test_cork.py tests/transport/test_socket_reader.py \
    tests/connection/test_exchange.py tests/connection/test_reentrancy.py tests/connection/test_twins.py \
    tests/connection/test_out_of_memory.py

# Python leaves memory to the system when it ends, so leaks are for soak to find.
UNDER = ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16 PYTHONMALLOC=malloc PYTHONSAFEPATH=1 \
    PYTHONPATH=$(CURDIR)/build/sanitize:$(CURDIR)

# A copy of the package has the accelerator that is checked, so the one that is used stays as it is. The
# sanitizers are left for whoever runs it to bring.
sanitized: .venv/tested
	rm -rf build/sanitize
	mkdir -p build/sanitize
	cp -r txws2 build/sanitize/
	rm -f build/sanitize/txws2/*.so
	for source in accelerator/*.c; do \
	    $(CC) -c -fPIC -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
	        -I$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))') \
	        $$source -o build/sanitize/$$(basename $$source .c).o || exit; \
	done
	$(CC) -shared build/sanitize/*.o -o build/sanitize/txws2/_speedups.so

# The table of docs/reliability.rst is in build/faults/figures.rst then. READERS="--readers 20
# --reader-size 1000000 --reader-seconds 10" is for the slow readers.
faults: .venv/tested
	$(BIN)/python -m pytest -m faults $(if $(SECONDS),--seconds $(SECONDS)) $(READERS) tests/faults

soak: .venv/tested
	$(BIN)/python -m pytest -m soak --seconds $(or $(SECONDS),600) tests/project/test_soak.py tests/faults/test_soak.py

sdist: .venv/packaged
	rm -rf build/wheels
	$(BIN)/python -m build --quiet --sdist --outdir build/wheels .

# On an sdist, cibuildwheel reads its options in there, and has the tests from it.
wheels: sdist
	$(BIN)/cibuildwheel --output-dir build/wheels build/wheels/*.tar.gz

# One that was never finished may be of a Python that is too old.
.venv/installed: setup.cfg setup.py pyproject.toml $(wildcard accelerator/*.[ch])
	$(PYTHON) -m venv $(if $(wildcard $@),,--clear) .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

.venv-oldest/tested: setup.cfg setup.py tests/oldest.txt $(wildcard accelerator/*.[ch])
	$(PYTHON) -m venv $(if $(wildcard $@),,--clear) .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --editable '.[test]'
	.venv-oldest/bin/python -m pip install --quiet --requirement tests/oldest.txt
	touch $@

.venv/checked: .venv/tested
	$(BIN)/python -m pip install --quiet --editable '.[test,docs,dev]'
	touch $@

.venv/fuzzing: .venv/tested
	$(BIN)/python -m pip install --quiet --editable '.[test,fuzz]'
	touch $@

.venv/packaged: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[wheels]'
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
	rm -rf .venv .venv-oldest build $(PEERS)
