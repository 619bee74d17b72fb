"""The Autobahn Testsuite against our server and our client.

`python -m tests.conformance.run` writes its reports to build/conformance. It fails if a case is
worse than in expected.json.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from tests.conformance import report
from tests.conformance.install import BUILD, HERE, version, wstest
from tests.support import epolls

ROOT = HERE.parent.parent
REPORTS = BUILD / "conformance"
EXPECTED = HERE / "expected.json"
# The environment of the commands that import from this project.
OURS = {"PYTHONPATH": str(ROOT)}
LARGEST = 16 * 2**20
# The seconds that one side may take; the suite is slow with compressed messages.
LIMIT = 3600


@contextmanager
def process(name, *command, **variables):
    """Run a command, with its output in a log of this name, until the block ends."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"} | variables
    log = REPORTS / f"{name}.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=REPORTS, env=environment
        )
        try:
            yield child, log
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def finish(name, *command, **variables):
    """Run a command until it ends by itself."""
    with process(name, *command, **variables) as (child, log):
        try:
            status = child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            status = f"not over after {LIMIT} s"
    if status != 0:
        sys.exit(f"{log.read_text()[-2000:]}\n{name}: {status}; see {REPORTS}")


def specification(name, cases, **settings):
    """Write the suite's configuration to a file; return the file's name."""
    path = REPORTS / f"{name}.json"
    outdir = str(REPORTS / name)
    content = {"outdir": outdir, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}
    path.write_text(json.dumps(content | settings))
    return str(path)


def run_server(suite, cases, reactor):
    """Run the suite's client against `twistd ws`."""
    twistd = [str(Path(sys.executable).with_name("twistd")), f"--reactor={reactor}"]
    twistd += ["-n", "--pidfile=", "ws"]
    options = ["--listen=tcp:0:interface=127.0.0.1", "--app=tests.conformance.echo:Echo"]
    limits = [f"--max-size={LARGEST}", "--ping-interval=none"]
    with process("twistd", *twistd, *options, *limits, **OURS) as (child, log):
        deadline = time.monotonic() + 30
        while not (found := re.search(r"ws://[\d.:]+", log.read_text())):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{log.read_text()}\ntwistd ws doesn't listen")
            time.sleep(0.1)
        servers = [{"agent": "txws2", "url": found[0]}]
        specified = specification("server", cases, servers=servers)
        finish("fuzzingclient", *suite, "-m", "fuzzingclient", "-s", specified)


def run_client(suite, cases, reactor):
    """Run our client against the suite's server."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}"
    specified = specification("client", cases, url=url)
    with process("fuzzingserver", *suite, "-m", "fuzzingserver", "-u", "0", "-s", specified):
        client = [sys.executable, "-m", "tests.conformance.client", url, reactor]
        finish("connect", *client, **OURS)


SIDES = {"server": run_server, "client": run_client}


def tracebacks():
    """Return a line for each of our logs that has a traceback."""
    logs = [REPORTS / "twistd.log", REPORTS / "connect.log"]
    return [
        f"{log}: a traceback" for log in logs if log.exists() and "Traceback" in log.read_text()
    ]


def run(sides, patterns, reactor):
    """Run the cases; return the verdicts and the seconds of each side."""
    suite = wstest()
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    results = {}
    for side in sides:
        print(f"Testing our {side}", flush=True)
        start = time.monotonic()
        SIDES[side](suite, patterns, reactor)
        index = json.loads((REPORTS / side / "index.json").read_text())
        results[side] = report.verdicts(index), time.monotonic() - start
    text = report.summary(version(suite), results)
    (REPORTS / "summary.rst").write_text(text)
    print(f"\n{text}")
    return results


def main():
    """Run the cases that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="*", help="patterns, such as 1.*,9.1.*; all by default")
    parser.add_argument("--side", choices=[*SIDES, "both"], default="both")
    parser.add_argument("--reactor", default="default", help="a name of twistd's --reactor")
    parser.add_argument("--share-epoll", choices=epolls.FROM, help="instead of the default")
    parser.add_argument("--update", action="store_true", help="rewrite expected.json")
    arguments = parser.parse_args()
    sides = list(SIDES) if arguments.side == "both" else [arguments.side]
    patterns = arguments.cases.split(",")
    if arguments.share_epoll:
        os.environ[epolls.VARIABLE] = arguments.share_epoll

    # An exception ends the child processes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    results = run(sides, patterns, arguments.reactor)
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    if arguments.update:
        for side, (found, _) in results.items():
            expected[side] = expected.get(side, {}) | found
        EXPECTED.write_text(report.dump(expected))
        return 0
    problems = tracebacks()
    for side, (found, _) in results.items():
        wanted = report.select(expected.get(side, {}), patterns)
        problems += [f"{side} {line}" for line in report.worse(wanted, found)]
        if improved := report.better(wanted, found):
            print(f"{side}: {len(improved)} cases are better than expected; --update records that.")
    print("\n".join(problems) or "No case is worse than expected.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
