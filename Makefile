# make run     serve an echo; open http://127.0.0.1:8000/ in a browser
# make test    run the tests on all cores; WORKERS=2 for two, WORKERS=0 for one process
# make unit    run the tests that need no other programs and no peers
# make quick   run the tests that say most, in less than a minute: the protocol, a connection, server and client
# make check   run lint, types, docs and packaging
# make oldest  run the tests with the oldest supported versions of Twisted and its dependencies
# make oldest-unit   run make unit with the oldest supported versions
# make without-accelerator   run make unit with the Python twins of the C code
# make pythons  run the tests of the protocol core and of the accelerator on each Python, before a release
# make reactors   run the tests on each reactor, with every way to share an epoll, and without the accelerator
# make conformance   run the Autobahn Testsuite against our server and our client
# make fuzz    look for inputs that break txws2; SECONDS=600 for longer
# make chaos   check that a client loses no message when connections and the server fail; SECONDS=600 for longer
# make swarm   check that a relay loses no message of 500 clients whose connections are dropped; SEED=1 repeats a run
# make bench   compare with other servers and clients; WORKLOADS="echo feed100 echo-sizes" SERVERS="txws2 ws" CLIENTS="txws2 ws" ROUNDS=3 SECONDS=1
# make bench-docs   copy the results of make bench into the docs
# make microbench   time the parts of the protocol core
# make twins   measure what a function in C saves over its twin in Python; TWIN=split_request ROUNDS=9
# make sanitize      run the tests of the accelerator under the C compiler's sanitizers
# make fuzz-sanitized   run make fuzz under the sanitizers
# make faults  attack running servers, and measure them; SECONDS=60 for longer
# make soak    check that memory stays flat: over a million messages, and SECONDS=600 of mixed traffic
# make dist    build the release, twice, and install it without a network; the files are in build/dist
# make sdist   build the source distribution, into build/wheels
# make wheels  build wheels from the source distribution, for this system; Linux needs docker
# make clean   remove all that these targets have made

PYTHON ?= python3
BIN = .venv/bin
PEERS = tests/interop/node_modules
WORKERS ?= auto
# The two halves of the suite.
UNIT = -n $(WORKERS) --ignore tests/interop
INTEROP = tests/interop
QUICK = tests/wire tests/connection tests/server tests/client
# This leaves no process behind, also when the tests are interrupted.
PYTEST = $(BIN)/python -m tests.support.contained $(BIN)/python -m pytest

.PHONY: run test unit quick check lint types docs packaging oldest oldest-unit without-accelerator pythons reactors conformance fuzz chaos swarm bench bench-docs microbench twins sanitize sanitized fuzz-sanitized faults soak dist sdist wheels clean

run: .venv/installed
	$(BIN)/twistd --nodaemon --pidfile= ws

# The variable makes each worker measure its coverage from its first line on.
test: .venv/tested $(PEERS)
	$(BIN)/coverage erase
	env COVERAGE_PROCESS_START=$(CURDIR)/pyproject.toml $(PYTEST) -n $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=98

unit: .venv/tested
	$(PYTEST) $(UNIT)

quick: .venv/tested
	$(PYTEST) -n $(WORKERS) $(QUICK)

check: lint types docs packaging

lint: .venv/checked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/checked
	$(BIN)/mypy
	$(BIN)/python -m pytest -m typing tests/project/test_typing.py

docs: .venv/checked
	$(BIN)/python docs/llms.py
	$(BIN)/python docs/manuals.py
	$(BIN)/python -m docutils --report=warning --halt=warning README.rst /dev/null
	TXWS2_NO_SPEEDUPS=1 $(BIN)/sphinx-build -q -n -W --keep-going -b html docs build/docs
	$(BIN)/python -m pytest -m docs tests/docs/test_search.py
	$(BIN)/towncrier build --draft --version next > /dev/null
	@echo "The documentation is at build/docs/index.html"

packaging: .venv/checked
	$(BIN)/python -m pytest -m packaging tests/project/test_packaging.py

oldest: oldest-unit $(PEERS)
	.venv-oldest/bin/python -m pytest $(INTEROP)

oldest-unit: .venv-oldest/tested
	.venv-oldest/bin/python -m pytest $(UNIT)

without-accelerator: .venv/tested
	env TXWS2_NO_SPEEDUPS=1 $(PYTEST) $(UNIT)

# This takes the machine's Pythons and, as root with debootstrap, Debian's. PYTHONS="3.11 pypy3" takes these
# alone, and fails if one of them is missing.
pythons:
	$(PYTHON) -m tests.pythons.run tests/wire $(TWINS) $(if $(PYTHONS),--pythons $(PYTHONS))

reactors: without-accelerator $(PEERS)
	for reactor in epoll poll select asyncio uvloop; do $(BIN)/python -m pytest --reactor $$reactor || exit; done
	for sharing in always never; do $(BIN)/python -m pytest --share-epoll $$sharing || exit; done
	TXWS2_NO_SPEEDUPS=1 $(BIN)/python -m pytest $(INTEROP)

# The report is build/conformance/summary.rst. CASES='1.*,7.*' runs some sections, REACTOR=poll uses another
# reactor, SHARE_EPOLL=always or never puts all connections or none into a shared epoll.
conformance: .venv/installed
	$(BIN)/python -m tests.conformance.run $(if $(CASES),--cases '$(CASES)') \
		$(if $(REACTOR),--reactor $(REACTOR)) $(if $(SHARE_EPOLL),--share-epoll $(SHARE_EPOLL))

# TARGET=frames runs one target. The findings are in build/fuzz.
fuzz: .venv/fuzzing
	$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

# SEED=1 repeats the faults of the run that had this seed.
chaos: .venv/tested
	$(BIN)/python -m tests.chaos.run --seconds $(or $(SECONDS),30) $(if $(SEED),--seed $(SEED))

# In memory, so the same seed has the same drops.
swarm: .venv/tested
	$(BIN)/python -m tests.relay.swarm $(if $(SEED),--seed $(SEED))

# The tables, the goals, two plots and all figures are in build/bench. ADD=1 adds to the last results.
bench: .venv/measured
	$(BIN)/python -m benchmarks $(if $(WORKLOADS),--workloads $(WORKLOADS)) $(if $(SERVERS),--servers $(SERVERS)) \
		$(if $(CLIENTS),--clients $(CLIENTS)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(ADD),--add)

bench-docs: .venv/measured
	$(BIN)/python -m benchmarks --report-only
	mkdir -p docs/performance
	cp $(addprefix build/bench/,overview.rst goals.rst sizes.rst details.rst plot.svg front.svg sizes.svg) docs/performance

microbench: .venv/measured
	$(BIN)/python -m pytest benchmarks/micro -p no:randomly --benchmark-columns=min,median,ops

twins: .venv/measured
	$(BIN)/python -m benchmarks.twins $(or $(TWIN),read_through) $(ROUNDS)

sanitize: sanitized
	$(UNDER) LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	    $(BIN)/python -m pytest -o pythonpath='build/sanitize .' tests/wire $(TWINS)

# atheris has its own sanitizer library, linked with its libFuzzer.
fuzz-sanitized: sanitized .venv/fuzzing
	$(UNDER) LD_PRELOAD="$$(echo $(CURDIR)/.venv/lib/python3*/site-packages/asan_with_fuzzer.so)" \
	    $(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

TWINS = tests/test_accelerator.py tests/transport/test_cork.py tests/transport/test_socket_reader.py \
    tests/transport/test_tls_writer.py \
    tests/connection/test_exchange.py tests/connection/test_reentrancy.py tests/connection/test_twins.py \
    tests/connection/test_out_of_memory.py tests/connection/test_message_queue.py tests/connection/test_waking.py \
    tests/connection/test_inbox.py tests/connection/test_recv_streaming.py tests/deferreds

# Python doesn't free all memory when it ends, so these don't look for leaks; soak does.
UNDER = ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16 PYTHONMALLOC=malloc PYTHONSAFEPATH=1 \
    PYTHONPATH=$(CURDIR)/build/sanitize:$(CURDIR)

# The accelerator with the checks goes into a copy of the package, so the installed one stays as it is. It
# isn't linked with the sanitizers; LD_PRELOAD loads them.
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

# This writes the table of docs/reliability.rst to build/faults/figures.rst. READERS="--readers 20
# --reader-size 1000000 --reader-seconds 10" sets the options of the test with slow readers.
faults: .venv/tested
	$(BIN)/python -m pytest -m faults $(if $(SECONDS),--seconds $(SECONDS)) $(READERS) tests/faults

soak: .venv/tested
	$(BIN)/python -m pytest -m soak --seconds $(or $(SECONDS),600) tests/project/test_soak.py tests/faults/test_soak.py tests/faults/test_forwarding.py

# Both builds have the time of the last commit, so those who build the same commit get the same files.
dist: .venv/packaged
	rm -rf build/dist build/again build/wheelhouse build/offline
	for folder in build/dist build/again; do \
	    SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --quiet --outdir $$folder . || exit; \
	done
	diff -r build/dist build/again
	$(BIN)/python -m twine check --strict build/dist/*
	$(BIN)/python -m pip wheel --quiet --wheel-dir build/wheelhouse build/dist/*.whl
	$(PYTHON) -m venv build/offline
	build/offline/bin/python -m pip install --quiet --no-index --find-links build/wheelhouse txws2
	cd build/offline && bin/python -m txws2 --version && bin/twistd ws --check-config
	cd build/dist && sha256sum *

EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2> /dev/null),$(shell stat -c %Y NEWS.rst))

sdist: .venv/packaged
	rm -rf build/wheels
	$(BIN)/python -m build --quiet --sdist --outdir build/wheels .

# Given an sdist, cibuildwheel takes its options and the tests from the sdist.
wheels: sdist
	$(BIN)/cibuildwheel --output-dir build/wheels build/wheels/*.tar.gz

# An unfinished .venv is made anew, because its Python may be too old.
.venv/installed: setup.cfg setup.py pyproject.toml $(wildcard accelerator/*.[ch])
	@echo "Installing txws2 into .venv, about a minute"
	$(PYTHON) -m venv $(if $(wildcard $@),,--clear) .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	@echo "Installing what the tests need, about a minute"
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

.venv-oldest/tested: setup.cfg setup.py tests/oldest.txt $(wildcard accelerator/*.[ch])
	$(PYTHON) -m venv $(if $(wildcard $@),,--clear) .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --editable '.[test]'
	.venv-oldest/bin/python -m pip install --quiet --requirement tests/oldest.txt
	touch $@

.venv/checked: .venv/tested
	@echo "Installing what lint, types, docs and packaging need, about a minute"
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

# Without npm, the tests with Node's ws are skipped, with that reason.
$(PEERS): tests/interop/package.json
	if command -v npm > /dev/null; then npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/interop; fi
	mkdir -p $@
	touch $@

clean:
	rm -rf .venv .venv-oldest build $(PEERS)
