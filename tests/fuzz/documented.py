"""The promise to raise only documented exceptions."""

from contextlib import contextmanager


@contextmanager
def raises_only(*kinds):
    """Let exceptions of these classes through if they have a text; others break the promise."""
    try:
        yield
    except Exception as exc:
        if not isinstance(exc, kinds) or not str(exc):
            raise AssertionError(f"{exc!r} isn't documented here") from exc
        raise


def outcome(function, *args, raises):
    """Call the function; return its result, or the class and text of its exception."""
    try:
        with raises_only(*raises):
            return function(*args)
    except raises as exc:
        return type(exc), str(exc)
