"""The grammar of header fields: a list is refused, or keeps its meaning when written again."""

from tests.fuzz.choices import Choices
from tests.fuzz.documented import outcome, raises_only
from txws2.exceptions import InvalidHeaderFormat
from txws2.wire.http.grammar import is_token, parse_extensions, parse_tokens


def target(data):
    choices = Choices(data)
    # The values are those of `Headers`; each line is a header of its own.
    text = choices.rest().decode(errors="replace")
    values = text.split("\n")

    tokens = outcome(parse_tokens, "X", values, raises=(InvalidHeaderFormat,))
    if isinstance(tokens, list):
        assert all(is_token(token) for token in tokens), tokens
        with raises_only():
            assert parse_tokens("X", [", ".join(tokens)]) == tokens

    extensions = outcome(parse_extensions, values, raises=(InvalidHeaderFormat,))
    if isinstance(extensions, list):
        for name, parameters in extensions:
            assert is_token(name), name
            for parameter, value in parameters:
                assert is_token(parameter), parameter
                assert value is None or is_token(value), value
        for quote in "", '"':
            again = [_written(*extension, quote) for extension in extensions]
            with raises_only():
                assert parse_extensions(again) == extensions
                assert parse_extensions([" ,\t".join(again)]) == extensions
    # A list of tokens is a list of extensions without parameters.
    if isinstance(tokens, list):
        assert extensions == [(token, []) for token in tokens], extensions


def _written(name, parameters, quote):
    words = [
        parameter if value is None else f"{parameter} = {quote}{value}{quote}"
        for parameter, value in parameters
    ]
    return " ; ".join([name, *words])
