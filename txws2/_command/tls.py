"""TLS of `twistd ws`: certificates from files, and the redirect from http."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from txws2._command.endpoints import endpoint_of
from txws2._command.option import Group, Option, WrongOption
from txws2.server.certificate_files import CertificateFiles, UnusableFile
from txws2.server.server import server_endpoint

__all__ = [
    "TLS",
    "SecureEndpoint",
    "certificate_files",
    "https_port",
    "secured",
    "tls_problems",
]

TLS = Group(
    "TLS",
    (
        Option(
            "certificate",
            "the server's certificate, with the intermediate ones after it, in PEM; --listen "
            "speaks TLS then, except on unix: and ssl: endpoints",
            "FILE",
        ),
        Option(
            "private-key", "the key of the certificate, in PEM", "FILE", otherwise="in that file"
        ),
        Option(
            "client-ca",
            "clients must have a certificate of one of these authorities, in PEM; its subject is "
            "the name of the client",
            "FILE",
        ),
        Option(
            "redirect-http",
            "send browsers that come here by http to https, as from :80; files of --static for a "
            "proof of certbot are sent",
            "WHERE",
            endpoint_of,
            many=True,
        ),
    ),
    "The files are read again when they have changed, and on SIGHUP.",
)
"""The options."""

# These endpoints speak TLS themselves, or a proxy on the same machine does.
_OTHERS = re.compile("(?:haproxy:)*(?:ssl|unix):")
_PORT = re.compile(r"(?:haproxy:)*tcp6?:(?:port=)?([0-9]+)")


def _is_secured(endpoint: str) -> bool:
    """Return True if --certificate is for an endpoint."""
    return _OTHERS.match(endpoint) is None


def tls_problems(options: Any, endpoints: Sequence[str]) -> Iterator[WrongOption]:
    """Generate a problem for each option of TLS that would have no effect."""
    if options["certificate"] is None:
        for name in "private-key", "client-ca", "redirect-http":
            if options[name]:
                problem = f"--{name} has no effect without --certificate; give both"
                yield WrongOption(name, problem)
        return
    if not any(map(_is_secured, endpoints)):
        problem = "--certificate has no effect on unix: and ssl:; give a port to --listen, as :443"
        yield WrongOption("certificate", problem)
    for endpoint in endpoints if options["client-ca"] is not None else ():
        if not _is_secured(endpoint):
            problem = f"--client-ca has no effect on {endpoint!r}; leave one of them out"
            yield WrongOption("client-ca", problem)


def certificate_files(options: Any, problems: list[WrongOption]) -> CertificateFiles | None:
    """Return the certificate of the options, if there is one; add to the problems."""
    if options["certificate"] is None:
        return None
    names = "certificate", "private-key", "client-ca"
    try:
        return CertificateFiles(*(options[name] for name in names))
    except UnusableFile as exc:
        name = exc.argument.replace("_", "-")
        problems.append(WrongOption(name, f"--{name}: {exc}"))
        return None


@implementer(IStreamServerEndpoint)
class SecureEndpoint:
    """An endpoint that speaks TLS above another endpoint.

    Args:
        reactor: the reactor.
        description: the description of the other endpoint.
        files: the certificate.
    """

    secure = True

    def __init__(self, reactor: Any, description: str, files: CertificateFiles) -> None:
        self._reactor = reactor
        self._description = description
        self._endpoint = server_endpoint(reactor, description)
        self._files = files

    def __repr__(self) -> str:
        return f"{self._description} with TLS"

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen with TLS."""
        above = TLSMemoryBIOFactory(self._files, False, factory, self._reactor)
        return self._endpoint.listen(above)


def secured(
    reactor: Any, endpoints: Sequence[str], files: CertificateFiles | None
) -> list[str | SecureEndpoint]:
    """Return the endpoints, with TLS where the certificate is for them."""
    return [
        SecureEndpoint(reactor, each, files) if files is not None and _is_secured(each) else each
        for each in endpoints
    ]


def https_port(endpoints: Sequence[str]) -> int:
    """Return the port of the first endpoint with TLS, to which browsers are sent."""
    found = (_PORT.match(each) for each in endpoints)
    return next((int(match[1]) for match in found if match is not None), 443)
