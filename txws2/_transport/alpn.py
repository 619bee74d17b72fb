"""ALPN for factories that are wrapped in others, such as those of `twisted.protocols.policies`."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import alsoProvides

__all__ = ["declare_for_wrapper"]


def declare_for_wrapper(tls: TLSMemoryBIOProtocol) -> None:
    """Have the factory above a TLS transport accept the protocols of the factory that it wraps.

    Twisted asks only the factory right above TLS for the protocols to accept by ALPN (RFC 7301).
    Wrappers don't pass the question on. Then Twisted 26.10 fails the TLS handshake with each
    client that offers any, as browsers do.
    """
    wrapper: Any = tls.factory.wrappedFactory
    factory = wrapper
    while factory is not None and not IProtocolNegotiationFactory.providedBy(factory):
        factory = getattr(factory, "wrappedFactory", None)
    if factory is not None and factory is not wrapper:
        wrapper.acceptableProtocols = factory.acceptableProtocols
        alsoProvides(wrapper, IProtocolNegotiationFactory)
