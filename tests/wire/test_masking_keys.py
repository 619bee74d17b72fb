import os
import random
import subprocess
import sys
from itertools import count

from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2.wire import masking_keys as keys
from txws2.wire.masking_keys import new_mask

FORKED = """
import os
from txws2.wire.masking_keys import new_mask
child = os.fork()
print(*(new_mask().hex() for _ in range(16)), flush=True)
if child:
    os.waitpid(child, 0)
"""


class NewMaskTests(TestCase):
    """Attack 18: a mask that can be predicted."""

    def test_a_mask_has_four_bytes(self):
        self.assertEqual({len(new_mask()) for _ in range(200)}, {4})

    def test_masks_differ(self):
        self.assertGreater(len({new_mask() for _ in range(16)}), 1)

    def test_masks_come_from_the_system(self):
        self.follows_the_system()
        masks = [new_mask() for _ in range(200)]
        self.assertEqual(masks, [number.to_bytes(4) for number in range(200)])

    def follows_the_system(self):
        """Have the system's random bytes count upwards, until the test ends."""
        numbers = count()

        def urandom(size):
            return b"".join(next(numbers).to_bytes(4) for _ in range(size // 4))

        self.addCleanup(keys._fetch)
        self.patch(os, "urandom", urandom)
        keys._fetch()

    def test_the_seed_of_random_does_not_decide_them(self):
        before = random.getstate()
        self.addCleanup(random.setstate, before)
        first, second = [], []
        for masks in (first, second):
            random.seed(18)
            masks += [new_mask() for _ in range(16)]
        self.assertNotEqual(first, second)

    def test_parent_and_child_of_a_fork_have_others(self):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", FORKED]
        shown = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
        one, other = shown.splitlines()
        self.assertNotEqual(one, other)
