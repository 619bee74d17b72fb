"""A real browser without a window, which opens one page."""

import shutil
from os.path import abspath

from twisted.trial.unittest import SkipTest

from tests.interop.peer_process import ProcessLines, start

__all__ = ["open_page", "see"]

PROGRAM = "chromium"


def open_page(test, uri, *switches, process=ProcessLines):
    """Let Chromium open a page; it is closed when the test is over."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise SkipTest(f"{PROGRAM} is not installed; Debian: {PROGRAM}")
    return start(
        test,
        process(),
        program,
        "--headless",
        # Tests in a container run as root, and as root Chromium refuses to use its sandbox.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--ignore-certificate-errors",
        "--no-first-run",
        "--no-proxy-server",
        f"--user-data-dir={abspath(test.mktemp())}",
        *switches,
        uri,
    )


async def see(test, uri, reported):
    """Let Chromium open a page; return the report with which this Deferred fires."""

    def ended(status):
        if not reported.called:
            said = browser.errors.decode(errors="replace")
            reported.errback(AssertionError(f"Chromium ended with {status}; it said:\n{said}"))
        return status

    browser = open_page(test, uri)
    browser.ended.addCallback(ended)
    seen = await reported
    test.assertNotIn("error", seen)
    return seen
