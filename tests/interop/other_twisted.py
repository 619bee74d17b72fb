"""A process whose Twisted and pyOpenSSL have other private names, as later versions may.

The arguments are the reactor, and the names that these must lack. The process runs the traffic
of `traffic.py`. It prints as JSON the log events at WARNING and above.
"""

import json
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader

__all__ = ["EAGER_DEFERRED"]

EAGER_DEFERRED = "a Deferred that is made with all it has"

_EAGER = (
    re.compile(r"(?<=\n)(?=        self\._?callbacks: )"),
    "        self.called = False\n        self.paused = 0\n",
)


class _Loader(SourceFileLoader):
    def __init__(self, name, path, changes):
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, fullname):
        source = changed = self.get_source(fullname)
        for pattern, replacement in self._changes:
            changed = pattern.sub(replacement, changed)
        if changed == source:
            return super().get_code(fullname)
        return compile(changed, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, changes):
        self._changes = changes

    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] not in ("OpenSSL", "twisted"):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and str(spec.origin).endswith(".py"):
            spec.loader = _Loader(fullname, spec.origin, self._changes)
        return spec


def rewrite(names):
    """Rename these names in all of Twisted and pyOpenSSL, which must not be imported yet."""
    assert sys.modules.keys().isdisjoint(("OpenSSL", "twisted"))
    changes = [
        _EAGER if name == EAGER_DEFERRED else (re.compile(rf"\b{name}\b"), f"{name}_elsewhere")
        for name in names
    ]
    sys.meta_path.insert(0, _Finder(changes))


def main(reactor, *names):
    rewrite(names)
    # Twisted may be imported only now.
    from twisted.logger import LogLevel, eventAsText, globalLogPublisher

    loud = []

    def observe(event):
        if event["log_level"] >= LogLevel.warn:
            loud.append(eventAsText(event, includeTimestamp=False))

    globalLogPublisher.addObserver(observe)
    from tests.interop import traffic

    try:
        traffic.run(reactor)
    finally:
        print(json.dumps(loud))


if __name__ == "__main__":
    main(*sys.argv[1:])
