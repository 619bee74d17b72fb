"""1 GiB through a forwarder, with a slow reader at the far end. `make soak` runs this."""

import pytest
from twisted.trial.unittest import TestCase

from tests.interop.forwarded import MIB, BulkTests

pytestmark = pytest.mark.soak


class ForwardingSoakTests(BulkTests, TestCase):
    timeout = 600
    size = 1024 * MIB
