"""The promise to raise only what the docstring says."""

from contextlib import contextmanager


@contextmanager
def raises_only(*kinds):
    """Let exceptions of these kinds through, if they have words; any other breaks the promise."""
    try:
        yield
    except Exception as exc:
        if not isinstance(exc, kinds) or not str(exc):
            raise AssertionError(f"{exc!r} isn't documented here") from exc
        raise


def outcome(function, *args, raises):
    """Call the function; return its result, or its exception as something to compare."""
    try:
        with raises_only(*raises):
            return function(*args)
    except raises as exc:
        return type(exc), str(exc)
