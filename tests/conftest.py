"""pytest runs trial's TestCases; this gives them what trial would: a directory, and a reactor."""

import pytest
from twisted.application.reactors import installReactor
from twisted.internet import asyncioreactor


def pytest_addoption(parser):
    parser.addoption("--reactor", metavar="NAME", help="the reactor, as twistd names it, or uvloop")


def pytest_configure(config):
    name = config.getoption("--reactor")
    if name == "uvloop":
        import uvloop

        asyncioreactor.install(uvloop.new_event_loop())
    elif name is not None:
        installReactor(name)


@pytest.fixture(autouse=True, scope="session")
def _trial_temp(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trial"))
        yield
