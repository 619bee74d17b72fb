"""The machine of a measurement."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

__all__ = ["describe"]


def describe() -> dict[str, str]:
    """Return this machine's processor, kernel, and versions of Python and Node.js."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "node": _node(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _node() -> str:
    if shutil.which("node") is None:
        return "none"
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()
