"""Programs behind WebSockets: what they print becomes messages, and messages become their input."""

from txws2.programs.program import Program
from txws2.programs.shared_program import SharedProgram

__all__ = ["Program", "SharedProgram"]
