"""pytest runs trial's TestCases; this gives them what trial would: a directory, and a reactor."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings
from twisted.application.reactors import installReactor
from twisted.internet import asyncioreactor
from twisted.internet.process import reapAllProcesses

from tests.support import epolls


def pytest_addoption(parser):
    parser.addoption("--reactor", metavar="NAME", help="the reactor, as twistd names it, or uvloop")
    parser.addoption("--share-epoll", choices=epolls.FROM, help="instead of as users have it")
    parser.addoption("--seconds", type=int, default=20, help="how long faults and soak go on")
    parser.addoption("--readers", type=int, default=200, help="how many slow readers there are")
    parser.addoption("--reader-size", type=int, default=10**7, help="bytes that each is to get")
    parser.addoption("--reader-seconds", type=int, default=75, help="and for how long at most")


# A busy machine may take longer than usual for any example, and for making one.
settings.register_profile("txws2", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("txws2")


def pytest_configure(config):
    epolls.share(config.getoption("--share-epoll"))
    name = config.getoption("--reactor")
    if name == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
        asyncioreactor.install(loop)
        _keep_reaping(loop)
    elif name is not None:
        installReactor(name)


def pytest_collection_finish():
    """Keep the garbage collector from what stays: tests that call it would look through all."""
    gc.collect()
    gc.freeze()


def _keep_reaping(loop):
    """Look for processes that have ended: uvloop keeps the signal that says so to itself."""
    reapAllProcesses()
    loop.call_later(0.02, _keep_reaping, loop)


@pytest.fixture(autouse=True, scope="session")
def _trial_temp(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trial"))
        # Clients take the proxies of the environment, which tests have none of.
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        # Coverage does not measure the processes that tests start.
        patch.delenv("COVERAGE_PROCESS_START", raising=False)
        yield
