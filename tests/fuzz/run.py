"""All targets under atheris, for a number of seconds in all.

`python -m tests.fuzz.run --seconds 600` writes to build/fuzz/TARGET: inputs that reach more code to
corpus/, inputs that show a bug to findings/, and a log. The next run starts from all of them. It
fails if there is a finding.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from math import ceil

from tests.fuzz import CORPUS, HERE, TARGETS, report

ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "fuzz"
FLAGS = [
    # An input that takes more seconds, or makes the process use more MiB, is a finding.
    "-timeout=10",
    "-rss_limit_mb=512",
    "-max_len=4096",
    "-print_final_stats=1",
]
# The seconds that a process takes to start, and those after its time until it counts as stuck.
STARTING = 2
STUCK = 60


async def fuzz(name, seconds):
    """Run one target; return its result."""
    folder = BUILD / name
    corpus, findings, log = folder / "corpus", folder / "findings", folder / "log.txt"
    for needed in corpus, findings:
        needed.mkdir(parents=True, exist_ok=True)
    before = len(list(corpus.iterdir()))
    flags = [*FLAGS, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/"]
    # libFuzzer writes new inputs to the first folder.
    inputs = [str(path) for path in (corpus, CORPUS / name, findings)]

    start = time.monotonic()
    with log.open("w") as output:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fuzz.guided", name, *flags, *inputs),
            stdout=output,
            stderr=output,
            cwd=ROOT,
        )
        try:
            status = await asyncio.wait_for(child.wait(), seconds + STUCK)
        except TimeoutError:
            status = f"not over after {seconds + STUCK} s"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    took = time.monotonic() - start
    grown = len(list(corpus.iterdir())) - before
    return report.read(name, log.read_text(errors="replace"), status, took, grown)


async def run(names, seconds):
    """Run the targets, one on each core at a time; return their results."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    cores = len(os.sched_getaffinity(0))
    share = max(1, int(seconds / ceil(len(names) / cores)) - STARTING)
    print(f"{len(names)} targets, {share} s each, {cores} at a time", flush=True)
    free = asyncio.Semaphore(cores)

    async def one(name):
        async with free:
            result = await fuzz(name, share)
        print(result, flush=True)
        return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(name)) for name in names]
    return [task.result() for task in tasks]


def main():
    """Run the targets that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append", help="all by default")
    arguments = parser.parse_args()
    try:
        results = asyncio.run(run(arguments.target or TARGETS, arguments.seconds))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return "interrupted"
    wrong = [result for result in results if result.problem]
    for result in wrong:
        print("\n".join([*result.advice(), f"    log: {BUILD / result.target / 'log.txt'}"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
