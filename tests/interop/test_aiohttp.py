"""Interoperability with `aiohttp`; it can't send fragments, so those cases are left out."""

from twisted.trial.unittest import TestCase

from tests.interop.sides import OurClientCases, OurServerCases


class OurClientWithAnAiohttpServerTests(OurClientCases, TestCase):
    library = "aiohttp"
    refusal = b"404: Not Found"


class OurServerWithAnAiohttpClientTests(OurServerCases, TestCase):
    library = "aiohttp"
