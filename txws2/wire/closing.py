"""The end of a connection (RFC 6455 section 7): states, codes, reasons, and who closed first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from txws2.wire.escaping import escaped
from txws2.wire.exceptions import (
    ProtocolError,
)

__all__ = ["MAX_REASON_SIZE", "Close", "CloseCode", "ClosingHandshake", "State", "is_ok"]

MAX_REASON_SIZE = 123
"""Bytes of UTF-8 that a reason may have: a control frame's payload less the code."""


class State(IntEnum):
    """Where a connection is in its life (section 1.2)."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class CloseCode(IntEnum):
    """Close codes of section 7.4.1 and of IANA's registry."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RCVD = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


_EXPLANATIONS = {
    1000: "OK",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no status received [internal]",
    1006: "abnormal closure [internal]",
    1007: "invalid frame payload data",
    1008: "policy violation",
    1009: "message too big",
    1010: "mandatory extension",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    1015: "TLS handshake failure [internal]",
}

# Section 7.4.1: these are for telling an application, and MUST NOT be set in a frame.
_INTERNAL = {CloseCode.NO_STATUS_RCVD, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE}
_SENDABLE = set(CloseCode) - _INTERNAL

_OK = {CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD}


def is_ok(code: int) -> bool:
    """Tell whether a close code says that nothing is wrong: 1000, 1001 or 1005."""
    return code in _OK


def _may_travel(code: int) -> bool:
    # Section 7.4.2: 3000-3999 is for libraries, 4000-4999 for private use; the rest of
    # 1000-2999 belongs to the protocol, which hasn't defined it.
    return code in _SENDABLE or 3000 <= code <= 4999


@dataclass(frozen=True)
class Close:
    """What a close frame says.

    Attributes:
        code: the close code; 1005 stands for a frame that had none.
        reason: a text for people who debug; may be empty.
    """

    code: int
    reason: str = ""

    def __str__(self) -> str:
        if 3000 <= self.code < 4000:
            explanation = "registered"
        elif 4000 <= self.code < 5000:
            explanation = "private use"
        else:
            explanation = _EXPLANATIONS.get(self.code, "unknown")
        text = f"{self.code} ({explanation})"
        return f"{text} {escaped(self.reason)}" if self.reason else text

    @classmethod
    def parse(cls, payload: bytes) -> Close:
        """Read the payload of a close frame (section 5.5.1).

        Raises:
            ProtocolError: with code 1002 for a payload or a code that may not travel, 1007 for a
                reason that isn't UTF-8.
        """
        if not payload:
            return cls(CloseCode.NO_STATUS_RCVD)
        if len(payload) < 2:
            raise ProtocolError("close frame too short")
        code = int.from_bytes(payload[:2], "big")
        if not _may_travel(code):
            raise ProtocolError(f"invalid close code: {code}")
        try:
            return cls(code, payload[2:].decode())
        except UnicodeDecodeError as exc:
            raise ProtocolError("invalid UTF-8 in close reason", CloseCode.INVALID_DATA) from exc

    def payload(self) -> bytes:
        """Return the payload of the close frame that says this.

        Raises:
            ProtocolError: the code may not travel, or the reason is over 123 bytes of UTF-8.
        """
        if not isinstance(self.code, int) or not isinstance(self.reason, str):
            raise TypeError(
                "the close code is an int, and the reason a str, as close(1000, 'bye'); "
                f"they are {self.code!r} and {self.reason!r}"
            )
        if not _may_travel(self.code):
            raise ProtocolError(
                f"invalid close code: {self.code}; "
                "use 1000-1003, 1007-1014 (but not 1004-1006) or 3000-4999"
            )
        reason = self.reason.encode()
        if len(reason) > MAX_REASON_SIZE:
            raise ProtocolError(
                f"close reason too long: {len(reason)} bytes of UTF-8; at most {MAX_REASON_SIZE}"
            )
        return self.code.to_bytes(2, "big") + reason

    @classmethod
    def cut(cls, code: int, reason: str) -> Close:
        """Make a Close with as much of the reason as fits, cut at a character."""
        return cls(code, reason.encode()[:MAX_REASON_SIZE].decode(errors="ignore"))


class ClosingHandshake:
    """Who has said Close, what, and in which order (sections 7.1.2 to 7.1.6)."""

    __slots__ = ("cause", "rcvd", "rcvd_then_sent", "sent")

    def __init__(self) -> None:
        self.rcvd: Close | None = None
        self.sent: Close | None = None
        self.rcvd_then_sent: bool | None = None
        self.cause: BaseException | None = None

    def received(self, close: Close) -> None:
        """Note the peer's close frame."""
        self.rcvd = close
        if self.sent is not None:
            self.rcvd_then_sent = False

    def sending(self, close: Close) -> None:
        """Note our own close frame."""
        self.sent = close
        if self.rcvd is not None:
            self.rcvd_then_sent = True

    @property
    def code(self) -> int:
        """The close code (section 7.1.5): the peer's, or 1006 where it sent none."""
        return CloseCode.ABNORMAL_CLOSURE if self.rcvd is None else self.rcvd.code

    @property
    def reason(self) -> str:
        """The close reason (section 7.1.6): the peer's, or empty."""
        return "" if self.rcvd is None else self.rcvd.reason

    @property
    def clean(self) -> bool:
        """Whether both sides have said Close, each with a code that says that nothing is wrong."""
        return all(close is not None and close.code in _OK for close in (self.rcvd, self.sent))
