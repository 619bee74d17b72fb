"""The table of modes, in the order of the help."""

from __future__ import annotations

from txws2._command.modes.app import App
from txws2._command.modes.echo import EchoMode
from txws2._command.modes.forward import ForwardMode
from txws2._command.modes.mode import Mode
from txws2._command.modes.pages import HealthMode, MetricsMode, StatusMode
from txws2._command.modes.programs import Exec, ExecBinary, ExecShared
from txws2._command.modes.relay import RelayMode
from txws2._command.modes.static import Static
from txws2._command.modes.web import Web
from txws2._command.modes.wsgi import Wsgi

__all__ = ["MODES"]

MODES: tuple[Mode, ...] = (
    App(),
    EchoMode(),
    ForwardMode(),
    Exec(),
    ExecBinary(),
    ExecShared(),
    RelayMode(),
    Static(),
    Wsgi(),
    Web(),
    StatusMode(),
    HealthMode(),
    MetricsMode(),
)
