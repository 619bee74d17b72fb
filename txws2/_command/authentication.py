"""The options by which clients of `twistd ws` prove who they are, and the hooks for these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from txws2._command.option import Group, Option, WrongOption
from txws2.server.alternatives import any_of
from txws2.server.auth_backend import backend_auth
from txws2.server.authentication import basic_auth
from txws2.server.bearer import TokenFile, bearer_auth
from txws2.server.client_certificates import certificate_auth
from txws2.server.hooks import ProcessRequest
from txws2.server.user_file import UserFile
from txws2.wire.http.grammar import is_token

__all__ = ["AUTHENTICATION", "Guards", "authenticating", "guards_of"]

# Browsers show it with the question for a password.
_REALM = "this server"


def _header(text: str) -> str:
    if not is_token(text):
        raise ValueError(f"must be the name of a header, as Remote-User; it is {text!r}")
    return text


_USERS = Option(
    "user-file",
    "names and passwords, by htpasswd -B; each client needs one of these, or a token",
    "FILE",
)

_TOKENS = Option(
    "bearer-tokens",
    "tokens, one a line, with the name of its owner perhaps; each client needs one of these, or a "
    "password",
    "FILE",
)

_IN_QUERY = Option(
    "query-tokens",
    "accept a token as ?access_token=, too, for pages of browsers; proxies log that",
)

_AUTHORIZE = Option(
    "authorize",
    "an HTTP service that is asked about each request; 2xx lets it in, 401 and 403 are passed on",
    "URL",
)

_NAME = Option(
    "authorize-name",
    "the header of its answer that has the name",
    "HEADER",
    _header,
    "Remote-User",
    otherwise="Remote-User",
)

AUTHENTICATION = Group(
    "Proof of who connects, for WebSockets and pages",
    (_USERS, _TOKENS, _IN_QUERY, _AUTHORIZE, _NAME),
    "Files are read again when they have changed.",
)
"""The options."""


class Guards(NamedTuple):
    """The hooks by which clients prove who they are.

    Attributes:
        certificates: all of these must accept a client.
        proofs: one of these must accept it.
        backends: all of these must accept it; they are asked last.
    """

    certificates: tuple[ProcessRequest, ...] = ()
    proofs: tuple[ProcessRequest, ...] = ()
    backends: tuple[ProcessRequest, ...] = ()

    def hooks(self, *more: ProcessRequest) -> tuple[ProcessRequest, ...]:
        """Return the hooks that all must accept a client.

        Args:
            *more: further proofs, of which one is enough, too.
        """
        # The response is that of the last proof.
        proofs = (*more, *self.proofs) if self.proofs else ()
        enough = proofs if len(proofs) < 2 else (any_of(*proofs),)
        return (*self.certificates, *enough, *self.backends)


def authenticating(options: Any) -> list[str]:
    """Return the names of the options that were given."""
    return [each.name for each in AUTHENTICATION.options if each.name in options.given]


def guards_of(options: Any, reactor: Any, problems: list[WrongOption]) -> Guards:
    """Return the hooks in front of all modes; add to the problems.

    A password or a token is enough: a request can't have both.
    """
    problems += _without_effect(options)

    def made(name: str, make: Callable[[str], ProcessRequest]) -> list[ProcessRequest]:
        value = options[name]
        try:
            return [] if value is None else [make(value)]
        except ValueError as exc:
            problems.append(WrongOption(name, f"--{name}: {exc}"))
            return []

    def by_password(path: str) -> ProcessRequest:
        return basic_auth(_REALM, check_credentials=UserFile(path, reactor=reactor))

    def by_token(path: str) -> ProcessRequest:
        in_query = bool(options["query-tokens"])
        return bearer_auth(_REALM, check_token=TokenFile(path), in_query=in_query)

    def by_backend(url: str) -> ProcessRequest:
        return backend_auth(url, name_header=options["authorize-name"], reactor=reactor)

    # The question for a password comes last, and it has the challenges of both.
    known = [*made("bearer-tokens", by_token), *made("user-file", by_password)]
    certified = () if options["client-ca"] is None else (certificate_auth(),)
    return Guards(certified, tuple(known), tuple(made("authorize", by_backend)))


def _without_effect(options: Any) -> Iterator[WrongOption]:
    for name, needed in (("query-tokens", "bearer-tokens"), ("authorize-name", "authorize")):
        if name in options.given and options[needed] is None:
            yield WrongOption(name, f"--{name} has no effect without --{needed}; give both")
