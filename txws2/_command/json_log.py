"""The log of twistd as JSON: one object on each line."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from twisted.logger import FileLogObserver, LogEvent, formatEvent
from twisted.python.logfile import LogFile

__all__ = ["json_line", "log_as_json", "observer", "will_be_renamed"]

# twistd makes the observer by a function of a name, without arguments.
_path: list[str] = []


def log_as_json(twistd: Any) -> None:
    """Have twistd log in JSON, to the place where it would log otherwise.

    Args:
        twistd: the options of twistd.

    Raises:
        ValueError: the log goes somewhere else already.
    """
    if twistd.get("logger") or twistd.get("syslog"):
        raise ValueError(
            "--json-log has no effect with --logger or --syslog; leave one of them out"
        )
    to_stdout = twistd.get("nodaemon") and not twistd.get("logfile")
    _path[:] = ["-" if to_stdout else twistd.get("logfile") or "twistd.log"]
    twistd["logger"] = f"{__name__}.{observer.__name__}"


def observer() -> FileLogObserver:
    """Return the observer, for twistd."""
    [path] = _path or ["-"]
    return FileLogObserver(sys.stdout if path == "-" else _file(path), json_line)


def will_be_renamed(twistd: Any) -> bool:
    """Tell whether twistd would rename what is no file of a log, such as /dev/null, for a new one.

    It does so once a megabyte is logged, if it may; so root would lose the device.

    Args:
        twistd: the options of twistd.
    """
    path = twistd.get("logfile")
    if not path or path == "-" or twistd.get("logger") or twistd.get("syslog"):
        return False
    may_rename = twistd.get("uid") is None and os.access(os.path.dirname(path), os.W_OK)
    return _is_device(path) and may_rename


def _file(path: str) -> Any:
    # twistd's own file would be renamed once it is large.
    return open(path, "w", encoding="utf-8") if _is_device(path) else LogFile.fromFullPath(path)


def _is_device(path: str) -> bool:
    """Tell whether there is something else than a regular file, as /dev/stdout."""
    return path.startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path))


def json_line(event: LogEvent) -> str:
    """Return an event as a line: time, level, namespace, text, and the traceback of a failure."""
    level = event.get("log_level")
    moment = datetime.fromtimestamp(event.get("log_time", 0), UTC)
    fields = {
        "time": moment.isoformat(timespec="milliseconds"),
        "level": "info" if level is None else level.name,
        "namespace": event.get("log_namespace", ""),
        "text": formatEvent(event),
    }
    failure = event.get("log_failure")
    if failure is not None:
        try:
            fields["traceback"] = failure.getTraceback()
        except Exception:
            fields["traceback"] = "(it can't be shown)"
    return json.dumps(fields) + "\n"
