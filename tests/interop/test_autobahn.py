"""Interoperability with Autobahn, on Twisted."""

from twisted.trial.unittest import TestCase

from tests.interop.cases import FragmentCases
from tests.interop.sides import OurClientCases, OurServerCases


class OurClientWithAnAutobahnServerTests(OurClientCases, FragmentCases, TestCase):
    library = "autobahn"
    # Autobahn puts the reason in the status line only.
    refusal = b""


class OurServerWithAnAutobahnClientTests(OurServerCases, FragmentCases, TestCase):
    library = "autobahn"
