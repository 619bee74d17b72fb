"""The options of `python -m txws2` for a connection, and the reasons why there is none."""

from __future__ import annotations

import argparse
from typing import Any

from txws2 import __version__
from txws2._command.hints import hint
from txws2._command.refusals import refusal_lines
from txws2.client.insecure import InsecureTLS
from txws2.wire.escaping import anonymous
from txws2.wire.http.uris import parse_uri

__all__ = ["explained", "options_of_connect"]


def options_of_connect(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `txws2.connect` for those of the command line.

    Raises:
        InvalidURI: with --insecure, the URI isn't one of WebSocket.
    """
    return {
        "tls": InsecureTLS(parse_uri(options.uri).host) if options.insecure else options.cacert,
        "client_certificate": options.cert,
        "proxy": options.proxy,
        "proxy_tls": options.cacert,
        "origin": options.origin,
        "subprotocols": options.subprotocol,
        "additional_headers": options.header,
        "user_agent_header": f"txws2/{__version__}",
        "open_timeout": options.timeout,
        "max_size": options.max_size,
    }


def explained(exc: Exception, uri: str) -> list[str]:
    """Return lines that say why the connection can't be made, and what to try."""
    advice = hint(exc, secure=uri.lower().startswith("wss:"))
    words = [f"can't connect to {anonymous(uri)}: {exc}", *refusal_lines(exc)]
    return [*words, advice] if advice else words
