"""The hooks of the push style, as they are unless the application overrides them.

While no hook gets the messages, the inbox gets them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._connection.handle import Handle, driver_of
from txws2._connection.inbox import Inbox
from txws2.interfaces import HookResult, IWebSocketReceiver

__all__ = ["Receiver", "has_hook", "keep_messages", "keeps_messages", "take_back"]


@implementer(IWebSocketReceiver)
class Receiver(Handle):
    """The hooks of a connection; an application overrides them."""

    def connectionOpened(self) -> HookResult:
        """Called when the opening handshake is done."""

    def messageReceived(self, message: str | bytes) -> HookResult:
        """Called with each message: a str for text, bytes for binary.

        Unless it is overridden, it keeps the message for `recv`.
        """
        driver = driver_of(self)
        inbox = driver.need_inbox()
        inbox.put(message)
        inbox.wake()
        if inbox.pausing:
            driver.need_intake().keep_bytes(driver)
        return None

    def pingReceived(self, payload: bytes) -> HookResult:
        """Called with each ping, after it was answered."""

    def pongReceived(self, payload: bytes) -> HookResult:
        """Called with each pong, also with an unsolicited one."""

    def connectionLost(self, reason: Failure = connectionDone) -> HookResult:
        """Called once, when the connection is gone, after all other hooks are done.

        Args:
            reason: wraps a ConnectionClosed, or an InvalidHandshake if it was never open.
        """


def keeps_messages(receiver: Receiver) -> bool:
    """Tell whether messages are kept for `recv`: the application doesn't override the hook."""
    function = getattr(receiver.messageReceived, "__func__", None)
    return function is Receiver.messageReceived


def keep_messages(driver: Any, inbox: Inbox) -> None:
    """Give messages straight to the inbox, if the application's hook does nothing else."""
    application = driver.application
    if application is driver.receiver is not None and keeps_messages(application):
        # Our messageReceived does the same, in two calls for each message.
        driver.receiver = inbox


def take_back(driver: Any) -> None:
    """Give the messages in the inbox to the application, if it has a hook for them by now."""
    application = driver.application
    if application is not None and not keeps_messages(application):
        inbox: Inbox = driver.need_inbox()
        driver.receiver = application
        driver.deliver_later(inbox.take_all())
        inbox.read_on()


def has_hook(hook: Callable[..., object]) -> bool:
    """Tell whether a hook is the application's; our own need not be called in order."""
    function = getattr(hook, "__func__", None)
    return function not in (Receiver.pingReceived, Receiver.pongReceived)
