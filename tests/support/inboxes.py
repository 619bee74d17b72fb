"""An Inbox, and the Deferreds of messages, of either twin."""

from importlib.util import find_spec, module_from_spec
from unittest.mock import patch

from txws2._connection import message_queue
from txws2._deferreds import prompt


def inbox_of(queue):
    """Return the class Inbox on top of this twin of MessageQueue."""
    with patch.object(message_queue, "MessageQueue", queue):
        return _again("txws2._connection.inbox").Inbox


def lean_of(twin):
    """Return the module with the lean Deferreds, on top of this twin of Prompt."""
    with patch.object(prompt, "Prompt", twin):
        return _again("txws2._deferreds.lean")


def _again(name):
    """Execute a module a second time."""
    spec = find_spec(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
