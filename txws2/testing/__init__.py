"""Tests of applications: connections, servers and a clock, all in memory.

There is no socket, no reactor and no sleep: bytes move and time passes when the test says so.
These tools need neither trial nor pytest, and work with both.
"""

from txws2.testing.network import MemoryReactor
from txws2.testing.pair import Joined, joined, opened
from txws2.testing.recorder import Frame, RecordingTransport
from txws2.testing.scripted_server import Attempt, ScriptedServer
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
