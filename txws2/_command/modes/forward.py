"""`--forward`: a service of bytes, or another WebSocket server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from txws2._checks.quantities import size
from txws2._command.modes.mode import Making, Mode, Place, place, place_alone
from txws2._command.option import Option, WrongOption
from txws2.server.factory import WebSocketServerFactory

if TYPE_CHECKING:
    from txws2.forward import FindTarget

__all__ = ["ForwardMode"]

# The seconds for connecting to a target if the opening handshake has no limit.
_PATIENCE = 10


def _place(text: str) -> Place:
    """Return the place in [PATH=]TARGET or PATH; without a target, each request names its own."""
    return place_alone(text) if text.startswith("/") and "=" not in text else place(text)


class ForwardMode(Mode):
    """Each WebSocket becomes a connection to a target."""

    option = Option(
        "forward",
        "a service, as localhost:5900 or unix:/run/vnc.sock, or a server, as ws://localhost:8001",
        "[PATH=]TARGET",
        _place,
        many=True,
    )
    settings = (
        Option(
            "targets",
            "a file with a line 'token: target' for each target, or a directory of such files; "
            "for a --forward that has only a PATH",
            "FILE",
        ),
        Option(
            "jwt-key",
            "the key of tokens (JWT) that have host and port of a target: a secret, or a public "
            "key of RSA; also for a --forward that has only a PATH",
            "FILE",
        ),
        Option(
            "forward-ca",
            "trust the authorities of this file (PEM), and no others, for servers with a wss URI",
            "FILE",
        ),
        Option("record", "record each connection in a file of this directory", "DIRECTORY"),
        Option(
            "record-limit",
            "most bytes of a recording; the connection goes on without",
            "SIZE",
            size(least=1),
            2**30,
            "1GiB",
        ),
    )

    def lacking(self, setting: str, options: Any) -> str:
        """Return "" if a setting has an effect."""
        targets = [each.what for each in options["forward"]]
        if setting == "record-limit":
            return "" if targets and options["record"] is not None else "--record"
        if setting == "forward-ca":
            some = any(not each or _is_wss(each) for each in targets)
            return "" if some else "a --forward to a wss URI, as --forward wss://example.com"
        if setting == "record" or not all(targets):
            return super().lacking(setting, options)
        return "a --forward that has only a path, as --forward /"

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Return the factory of a forwarder."""
        # Only this mode needs it.
        from txws2.forward import Forward

        targets = None if what else _targets(making)
        record = _directory(making)
        authorities = _authorities(making) if not what or _is_wss(what) else None
        try:
            forward = Forward(
                what or None,
                targets=targets,
                path=making.path,
                record=record,
                record_limit=making.options["record-limit"],
                # The time for the opening handshake limits it, too.
                connect_timeout=making.settings["open_timeout"] or _PATIENCE,
                tls=authorities,
                reactor=making.reactor,
            )
        except Exception as exc:
            # The plugin of an endpoint's prefix may raise any exception.
            raise ValueError(str(exc)) from exc
        # Most services send what is compressed already; and the target chooses the subprotocol.
        return making.factory(forward, compression=None, subprotocols=())


def _targets(making: Making) -> FindTarget:
    """Return the function that finds the targets of requests.

    Raises:
        ValueError: no option has targets.
        WrongOption: the option that has them is wrong.
    """
    from txws2.forward import JWTTargets, Targets

    given = [name for name in ("targets", "jwt-key") if making.options[name] is not None]
    if not given:
        path = making.path
        raise ValueError(
            f"--forward {path} has no target; write --forward {path}=localhost:5900, or "
            f"--forward unix:{path} for a Unix socket, or add --targets FILE"
        )
    name = given[-1]
    if len(given) == 2:
        raise WrongOption(name, "--targets and --jwt-key both say where to forward; give only one")
    path = os.path.join(making.directory, making.options[name])
    try:
        if name == "targets":
            return Targets(path, reactor=making.reactor)
        return JWTTargets(path, reactor=making.reactor)
    except OSError as exc:
        shown = making.options[name]
        raise WrongOption(name, f"can't read --{name} {shown}: {exc.strerror}") from exc
    except (ImportError, ValueError) as exc:
        raise WrongOption(name, str(exc)) from exc


def _is_wss(what: str) -> bool:
    return what.lower().startswith("wss://")


def _authorities(making: Making) -> str | None:
    """Return the path of the file with the authorities; None for those of this machine.

    Raises:
        WrongOption: the file has no certificate in it, or can't be read.
    """
    # Only this mode needs it.
    from txws2.client.tls import ClientTLS

    given = making.options["forward-ca"]
    if given is None:
        return None
    path = os.path.join(making.directory, given)
    try:
        ClientTLS(path)
    except OSError as exc:
        problem = f"can't read --forward-ca {given}: {exc.strerror}"
        raise WrongOption("forward-ca", problem) from exc
    except ValueError as exc:
        raise WrongOption("forward-ca", f"--forward-ca: {exc}") from exc
    return path


def _directory(making: Making) -> str | None:
    """Return the directory for recordings; None to record nothing.

    Raises:
        WrongOption: there is no such directory.
    """
    given = making.options["record"]
    if given is None:
        return None
    path = os.path.join(making.directory, given)
    # A directory that root made here couldn't be written to by the user that twistd changes to.
    if not os.path.isdir(path):
        raise WrongOption(
            "record",
            f"there is no directory {given!r} for recordings; make one that only its user may "
            f"read, as by mkdir -m 700 {given}",
        )
    return path
