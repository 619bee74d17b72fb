"""The application that `twistd ws --app module:name` names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Unpack

from txws2.server.factory import FactoryOptions, WebSocketServerFactory, WebSocketServerProtocol

__all__ = ["NoApplication", "load_application", "load_factory"]

_NOT_THE_APPLICATION = (__file__, importlib.__file__)


class NoApplication(Exception):
    """There is no application of that name; the text gives the reason in one line."""


def load_factory(
    name: str, directory: str, **options: Unpack[FactoryOptions]
) -> WebSocketServerFactory:
    """Return a factory that runs the named application.

    Args:
        name: "module:name" of a handler (a coroutine function), of a subclass of
            WebSocketServerProtocol, or of a WebSocketServerFactory, which has options of its own.
        directory: a directory to import modules from, besides sys.path.
        **options: the options of the factory.

    Raises:
        NoApplication: there is no such application, or it can't be run.
    """
    application = load_application(name, directory)
    if isinstance(application, WebSocketServerFactory):
        return application
    try:
        if inspect.isclass(application) and issubclass(application, WebSocketServerProtocol):
            return WebSocketServerFactory(create_protocol=application, **options)
        if callable(application) and not inspect.isclass(application):
            return WebSocketServerFactory(application, **options)
    except TypeError as exc:
        raise NoApplication(f"{name!r} can't be run: {exc}") from exc
    raise NoApplication(
        f"{name!r} is {application!r}; expected a handler coroutine, "
        "a subclass of WebSocketServerProtocol or a WebSocketServerFactory"
    )


def load_application(name: str, directory: str) -> Any:
    """Import a module and return the object of this name, of any kind.

    Raises:
        NoApplication: there is no such object.
    """
    module_name, colon, attributes = name.partition(":")
    if not (module_name and colon and attributes):
        raise NoApplication(f"{name!r} isn't of the form module:name, as chat:handler")
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        found = importlib.import_module(module_name)
    except (Exception, SystemExit) as exc:
        # A script that isn't meant to be imported may end the process.
        missing = _missing(exc, module_name, directory)
        raise NoApplication(f"can't import {module_name!r}: {_one_line(exc)}{missing}") from exc
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            meant = _meant(attribute, dir(found))
            raise NoApplication(f"{module_name!r} has no {attributes!r}{meant}") from None
    return found


def _missing(exc: BaseException, module_name: str, directory: str) -> str:
    """Say where a module was looked for; nothing if it exists, and another one is missing."""
    top = module_name.partition(".")[0]
    if not isinstance(exc, ModuleNotFoundError) or exc.name != top:
        return ""
    meant = _meant(top, [each.name for each in pkgutil.iter_modules([directory])])
    return f", neither in {directory} nor among the installed ones{meant}"


def _meant(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, [each for each in names if not each.startswith("_")], n=1)
    return f"; is {near[0]!r} meant?" if near else ""


def _one_line(exc: BaseException) -> str:
    """Return the exception of the application's module and its place, without line breaks."""
    text = " ".join(f"{type(exc).__name__}: {exc}".split())
    if isinstance(exc, SyntaxError):
        return f"{exc.filename}:{exc.lineno}: SyntaxError: {exc.msg}"
    places = [
        place
        for place in traceback.extract_tb(exc.__traceback__)
        if place.filename not in _NOT_THE_APPLICATION and not place.filename.startswith("<")
    ]
    return f"{places[-1].filename}:{places[-1].lineno}: {text}" if places else text
