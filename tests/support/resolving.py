"""A reactor in memory that finds addresses: that of older Twisteds asks for them in a thread."""

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
)
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

__all__ = ["ResolvingReactor"]


@implementer(IHostResolution)
class Resolution:
    def __init__(self, name):
        self.name = name

    def cancel(self):
        """It is complete already."""


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class ResolvingReactor(MemoryReactorClock):
    """Each host has the address of the loopback, at once."""

    def __init__(self):
        super().__init__()
        self.nameResolver = self

    def resolveHostName(self, receiver, hostName, portNumber=0, *_):
        """Tell the receiver of the address."""
        resolution = Resolution(hostName)
        receiver.resolutionBegan(resolution)
        receiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        receiver.resolutionComplete()
        return resolution
