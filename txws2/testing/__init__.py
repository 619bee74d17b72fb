"""Tests of applications: connections, servers and a clock, all in memory.

No socket, no reactor, no sleep: bytes move when the test says so, and time passes likewise. It
needs neither trial nor pytest, and serves both.
"""

from txws2.recording import Frame, RecordingTransport
from txws2.testing.joining import Joined, joined, opened
from txws2.testing.network import MemoryReactor
from txws2.testing.scripted import Attempt, ScriptedServer
from txws2.testing.steps import Close, Delay, Drop, Open, Refuse, Silence, Step, Vanish
from txws2.wire.frames import Opcode

__all__ = [
    "Attempt",
    "Close",
    "Delay",
    "Drop",
    "Frame",
    "Joined",
    "MemoryReactor",
    "Opcode",
    "Open",
    "RecordingTransport",
    "Refuse",
    "ScriptedServer",
    "Silence",
    "Step",
    "Vanish",
    "joined",
    "opened",
]
