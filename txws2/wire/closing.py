"""The end of a connection (RFC 6455 section 7): states, codes, reasons, order of close frames."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from txws2.wire.escaping import escaped
from txws2.wire.exceptions import (
    ProtocolError,
)

__all__ = ["MAX_REASON_SIZE", "Close", "CloseCode", "ClosingHandshake", "State", "is_ok"]

# Section 5.5: "All control frames MUST have a payload length of 125 bytes or less". Section
# 5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer", the code.
MAX_REASON_SIZE = 123
"""The longest reason, in bytes of UTF-8: a control frame's payload less the code."""


class State(IntEnum):
    """The states of a connection (sections 4.1 and 7.1)."""

    # Section 4.1: "A connection is defined to initially be in a CONNECTING state." By section
    # 7.1.3, the state CLOSING begins with the first close frame, sent or received. Here, CLOSING
    # begins when our close frame is made: until then, the application may answer the messages
    # before the peer's close frame.
    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class CloseCode(IntEnum):
    """Close codes of section 7.4.1 and of IANA's registry."""

    # 1004 isn't here. Section 7.4.1: "Reserved. The specific meaning might be defined in the
    # future."

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

# Section 7.4.1 says of each of 1005, 1006 and 1015 that it "is a reserved value and MUST NOT be
# set as a status code in a Close control frame by an endpoint." They tell an application how a
# connection ended.
_INTERNAL = {CloseCode.NO_STATUS_RCVD, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE}
_SENDABLE = set(CloseCode) - _INTERNAL

# Section 7.4.1: 1000 means "that the purpose for which the connection was established has been
# fulfilled", 1001 "a server going down or a browser having navigated away from a page". A close
# frame without a code (1005) reports no error either.
_OK = {CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD}


def is_ok(code: int) -> bool:
    """Tell whether a close code means that nothing is wrong: 1000, 1001 or 1005."""
    return code in _OK


def _may_travel(code: int) -> bool:
    # Section 7.4.2: "Status codes in the range 0-999 are not used." Those of 1000-2999 "are
    # reserved for definition by this protocol, its future revisions, and extensions". Codes that
    # nobody has defined yet are refused: a peer that sends one speaks another protocol than the
    # agreed one. 3000-3999 are for "libraries, frameworks, and applications", 4000-4999 "for
    # private use".
    return code in _SENDABLE or 3000 <= code <= 4999


@dataclass(frozen=True)
class Close:
    """The code and the reason of a close frame.

    Attributes:
        code: the close code; 1005 stands for a frame without a code.
        reason: a text for people who debug; may be empty.
    """

    # Section 5.5.1: the reason "is not necessarily human readable but may be useful for
    # debugging". So nothing here depends on it, and a log escapes it.

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
            ProtocolError: with code 1002 for a payload of one byte, or for a code that a frame
                may not have; with code 1007 for a reason that isn't UTF-8.
        """
        # Section 7.1.5: "If this Close control frame contains no status code, _The WebSocket
        # Connection Close Code_ is considered to be 1005."
        if not payload:
            return cls(CloseCode.NO_STATUS_RCVD)
        # Section 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte
        # unsigned integer (in network byte order) representing a status code".
        if len(payload) < 2:
            raise ProtocolError("close frame too short")
        code = int.from_bytes(payload[:2], "big")
        if not _may_travel(code):
            raise ProtocolError(f"invalid close code: {code}")
        # Section 5.5.1: "the body MAY contain UTF-8-encoded data with value /reason/". Section 8.1
        # applies to it as to a message: an endpoint that finds no valid UTF-8 "MUST _Fail the
        # WebSocket Connection_."
        try:
            return cls(code, payload[2:].decode())
        except UnicodeDecodeError as exc:
            raise ProtocolError("invalid UTF-8 in close reason", CloseCode.INVALID_DATA) from exc

    def payload(self) -> bytes:
        """Return the payload of a close frame with this code and reason.

        Raises:
            ProtocolError: a frame may not have the code, or the reason is over 123 bytes of
                UTF-8.
            TypeError: the code isn't an int, or the reason isn't a str.
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
        # Unlike `cut`, this refuses a long reason: a user who chose the words should know that they
        # don't fit.
        reason = self.reason.encode()
        if len(reason) > MAX_REASON_SIZE:
            raise ProtocolError(
                f"close reason too long: {len(reason)} bytes of UTF-8; at most {MAX_REASON_SIZE}"
            )
        return self.code.to_bytes(2, "big") + reason

    @classmethod
    def cut(cls, code: int, reason: str) -> Close:
        """Make a Close with as much of the reason as fits, cut between two characters."""
        return cls(code, reason.encode()[:MAX_REASON_SIZE].decode(errors="ignore"))


class ClosingHandshake:
    """The close frames of both sides, and their order (sections 7.1.2 to 7.1.6).

    Attributes:
        rcvd: the peer's close frame, None if none has come.
        sent: our own close frame, None if none was sent.
        rcvd_then_sent: True if the peer's frame came first, False if ours went first, None until
            there are two.
        cause: the exception that ended the connection, None if there is none.
    """

    # By section 7.1.5, two endpoints can disagree about the code if both start at the same time. So
    # both frames are kept, and the order tells which one answered the other.
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
        """The close code (section 7.1.5): the peer's, or 1006 if it sent no close frame."""
        # "If _The WebSocket Connection is Closed_ and no Close control frame was received by the
        # endpoint [...], _The WebSocket Connection Close Code_ is considered to be 1006."
        return CloseCode.ABNORMAL_CLOSURE if self.rcvd is None else self.rcvd.code

    @property
    def reason(self) -> str:
        """The close reason (section 7.1.6): the peer's, or empty."""
        # "If there is no such data in the Close control frame, _The WebSocket Connection Close
        # Reason_ is the empty string."
        return "" if self.rcvd is None else self.rcvd.reason

    @property
    def clean(self) -> bool:
        """True if both sides sent a close frame, each with a code that means nothing is wrong."""
        # Section 7.1.4 calls every connection with a complete handshake closed "cleanly". Here the
        # codes count, too: for an application, an end with 1011 isn't clean.
        return all(close is not None and close.code in _OK for close in (self.rcvd, self.sent))
