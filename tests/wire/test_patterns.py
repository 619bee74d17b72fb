"""The regular expressions of the wire floor: each Python reads them alike."""

import re
from importlib import import_module
from pkgutil import iter_modules

from twisted.trial.unittest import SynchronousTestCase

from txws2 import wire

_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_POSSESSIVE = re.compile(r"[*+?}]\+|\(\?>")


def patterns():
    """Generate each pattern's name, and its text."""
    for module in iter_modules(wire.__path__, "txws2.wire."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                text = value.pattern
                yield f"{module.name}.{name}", text if isinstance(text, str) else text.decode()


def quantifiers(text):
    """Return a pattern in which escapes and character classes are replaced by dots."""
    return _CLASS.sub(".", re.sub(r"(?s)\\.", ".", text))


class PatternsTests(SynchronousTestCase):
    def test_none_is_possessive(self):
        """CPython before 3.11.5, and PyPy, read possessive groups wrongly."""
        for name, text in patterns():
            self.assertNotRegex(quantifiers(text), _POSSESSIVE, name)

    def test_those_that_are_would_be_found(self):
        for text in (r"a*+", r"[a+]++", r"(?:a|[]+]b)?+", r"a{1,2}+", r"(?>a)", r"\++\*++"):
            self.assertRegex(quantifiers(text), _POSSESSIVE)
        for text in (r"[*+]", r"\*+", r"[]*+]+", r"(?:a+)+"):
            self.assertNotRegex(quantifiers(text), _POSSESSIVE)
