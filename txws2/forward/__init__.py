"""WebSockets to a TCP service, as websockify connects them, and to other WebSocket servers."""

# This import comes first: it says which package is missing before another import fails.
from txws2 import _prerequisites  # noqa: F401
from txws2.forward.forward import Forward
from txws2.forward.jwt_targets import JWTTargets
from txws2.forward.reaching import FindTarget
from txws2.forward.recordings import Recorded, read_recording
from txws2.forward.replay import Replay
from txws2.forward.targets import Targets

__all__ = [
    "FindTarget",
    "Forward",
    "JWTTargets",
    "Recorded",
    "Replay",
    "Targets",
    "read_recording",
]
