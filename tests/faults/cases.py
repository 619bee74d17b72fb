"""The base class of the fault tests."""

import pytest
from twisted.trial.unittest import TestCase

from tests.faults.figures import Memory
from tests.faults.victim import need_descriptors

MIB = 2**20
FILES = 4096


class FaultCase(TestCase):
    """A server that is attacked, and other clients that it must serve meanwhile.

    Attributes:
        seconds: the length of the timed tests, from the option --seconds.
    """

    @pytest.fixture(autouse=True)
    def _seconds(self, request):
        self.seconds = request.config.getoption("--seconds")
        self.timeout = self.seconds + 120

    def setUp(self):
        need_descriptors(self, FILES)

    def begin(self, victim):
        """Note the server's descriptors and memory before the fault."""
        self._descriptors = victim.descriptors
        self.begin_again(victim)

    def begin_again(self, victim):
        """Note the server's memory only."""
        victim.forget_peak()
        self._before = victim.memory

    async def survive(self, victim, growth, peak=None):
        """Check that the server is back to its descriptors and memory; return its memory."""
        await victim.until_descriptors(self._descriptors)
        memory = Memory(self._before, victim.peak, victim.memory)
        self.assertLess(memory.after - memory.before, growth, f"MiB: {memory}")
        if peak is not None:
            self.assertLess(memory.peak - memory.before, peak, f"MiB: {memory}")
        return memory
