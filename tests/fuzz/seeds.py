"""The first inputs of the corpus in tests/fuzz/corpus: real messages, requests and responses.

`python -m tests.fuzz.seeds` writes them. The first bytes of each are the choices of its target.
"""

import zlib
from itertools import repeat
from unittest import mock

from tests.fuzz import CORPUS
from tests.support.opening import a_request, a_response
from txws2.exceptions import InvalidMethod
from txws2.wire.connection import Connection
from txws2.wire.frames import BINARY, TEXT, encode_frame
from txws2.wire.handshake.server import refusal
from txws2.wire.permessage_deflate import PRESETS, Deflate, make_offers

# zlib's own number; PyPy has no name for it.
_Z_FIXED = 4
TAIL = b"\x00\x00\xff\xff"
TEXT_OF_EACH_LENGTH = "a¢€😀"
SERVER, CLIENT = 0, 1


def seeds():
    """Return the inputs by target and by name."""
    # The key and the library are fixed, so that a file changes only with its content.
    with (
        mock.patch("txws2.wire.masking_keys._keys", repeat((b"\x37\xfa\x21\x3d",))),
        mock.patch("txws2.wire.zlib_library.NG", None),
    ):
        frames = dict(_frames())
        exchange = dict(_exchange())
        decoder = dict(_decoder())
    return {
        "decoder": decoder,
        "deflating": dict(_deflating()),
        "exchange": exchange,
        "frames": frames,
        "headers": dict(_headers()),
        "inflating": dict(_inflating()),
        "offers": dict(_offers()),
        "requests": dict(_requests()),
        "responses": dict(_responses()),
        "uris": dict(_uris()),
    }


def _reads(*sizes):
    return bytes([len(sizes), *(size - 1 for size in sizes)])


def _frames():
    for side, name in (SERVER, "server"), (CLIENT, "client"):

        def heard(*said, closing=0, taking=0, agreed=0, limit=0, sizes=(3,), side=side):
            choices = bytes([side, closing, taking, agreed, limit])
            return choices + _reads(*sizes) + b"".join(said)

        def peer(deflate=None, side=side):
            return Connection(client=side == SERVER, deflate=deflate)

        one = peer()
        yield (
            f"{name}-hears-messages",
            heard(one.send_message(TEXT_OF_EACH_LENGTH), one.send_message(b"\x00\xff"), sizes=(1,)),
        )
        yield (
            f"{name}-hears-fragments-and-a-ping",
            heard(
                one.send_fragment("Hel", last=False),
                one.send_ping(b"now"),
                one.send_fragment("", last=False),
                one.send_fragment("lo €", last=True),
                sizes=(4, 2),
            ),
        )
        fragments = one.send_fragment("€" * 9, last=False), one.send_fragment("", last=True)
        yield f"{name}-hears-a-message-in-parts", heard(*fragments, taking=1)
        yield f"{name}-hears-a-close", heard(peer().send_close(1001, "bye"), one.send_ping(b""))
        yield (
            f"{name}-hears-its-close-answered",
            heard(one.send_message("late"), peer().send_close(1000), closing=1),
        )
        yield f"{name}-hears-126-bytes", heard(one.send_message(b"x" * 126), sizes=(100,))
        large = encode_frame(BINARY, bytes(2**16), masked=side == SERVER)
        yield f"{name}-hears-the-beginning-of-64-KiB", heard(large[:20], limit=3)
        yield f"{name}-hears-too-much", heard(one.send_message("x" * 17), limit=1)
        yield (
            f"{name}-hears-half-a-character",
            heard(encode_frame(TEXT, "€".encode()[:2], masked=side == SERVER, fin=False)),
        )

        for agreed, deflate in (1, Deflate()), (2, Deflate(False, False)):
            one = peer(deflate)
            takeover = "" if deflate.server_takeover else "-without-takeover"
            yield (
                f"{name}-inflates{takeover}",
                heard(
                    one.send_message("Hello Hello", compress=True),
                    one.send_message("Hello Hello", compress=True),
                    one.send_fragment(b"Hel", last=False),
                    one.send_fragment(b"lo", last=True),
                    one.send_message("Hello", compress=False),
                    agreed=agreed,
                ),
            )
        bomb = peer(Deflate()).send_message(bytes(5000), compress=True)
        yield f"{name}-inflates-too-much", heard(bomb, agreed=1, limit=2)


def _decoder():
    for masked, name in (1, "masked"), (0, "unmasked"):

        def decoded(*frames, taking=0, limits=(0, 0), sizes=(3,), masked=masked):
            choices = bytes([masked, taking, *limits]) + _reads(*sizes)
            return choices + b"".join(encode_frame(*frame, masked=masked) for frame in frames)

        texts = (TEXT, TEXT_OF_EACH_LENGTH.encode()), (BINARY, b"\xff\x00"), (TEXT, b"x" * 130)
        yield f"{name}-messages", decoded(*texts, sizes=(1,))
        yield f"{name}-parts", decoded(*texts, taking=1)
        yield f"{name}-too-large", decoded(*texts, limits=(2, 0))
        yield f"{name}-no-text", decoded(texts[1], (TEXT, b"good \xed\xa0\x80"))
        for opcode, kind in (TEXT, "text"), (BINARY, "binary"):
            start = bytes([masked, 0, 0, 1]) + _reads(2)
            frames = [
                encode_frame(opcode, b"\xe2\x82", masked=masked, fin=False),
                encode_frame(0, b"\xac", masked=masked, fin=True),
                encode_frame(opcode, b"\xf2\x48\xcd\xc9\xc9\x07\x00", masked=masked, rsv1=True),
            ]
            yield f"{name}-{kind}-fragments", start + b"".join(frames)


def _exchange():
    for side, name in (SERVER, "server"), (CLIENT, "client"):

        def passes(*said, agreed=0, limit=0, threshold=0, enough=99, sizes=(200,), side=side):
            choices = bytes([side, agreed, limit, threshold, enough])
            return choices + _reads(*sizes) + b"".join(said)

        one = Connection(client=side == SERVER)
        messages = [
            one.send_message(message) for message in (TEXT_OF_EACH_LENGTH, b"\xff", "", "x" * 15)
        ]
        yield f"{name}-echoes", passes(*messages)
        yield f"{name}-has-had-enough", passes(*messages, one.send_ping(b"now"), enough=2)
        yield f"{name}-hears-too-much", passes(messages[1], one.send_message("x" * 17), limit=1)
        yield f"{name}-hears-a-fragment", passes(*messages, one.send_fragment("a", last=False))
        yield (
            f"{name}-hears-what-is-no-text",
            passes(encode_frame(TEXT, b"\xff", masked=side == SERVER)),
        )
        one = Connection(client=side == SERVER, deflate=Deflate())
        compressed = [
            one.send_message(message, compress=True) for message in ("Hello", "Hello", b"a")
        ]
        plain = one.send_message("Hello", compress=False)
        yield f"{name}-inflates", passes(*compressed, plain, *compressed, agreed=1, threshold=1)
        broken = encode_frame(BINARY, b"\xff\xff", masked=side == SERVER, rsv1=True)
        yield f"{name}-can-t-inflate", passes(compressed[0], broken, plain, agreed=1)


def _inflating():
    def inflated(*messages, bits=7, takeover=1, room=0, piece=0, sizes=(2,)):
        return bytes([bits, takeover, room, piece]) + _reads(*sizes) + TAIL.join(messages)

    def compressed(data, flush=zlib.Z_SYNC_FLUSH, **options):
        compressor = zlib.compressobj(wbits=-15, **options)
        return (compressor.compress(data) + compressor.flush(flush)).removesuffix(TAIL)

    yield "a-message", inflated(compressed(b"Hello Hello"))
    # RFC 7692 section 7.2.3.2: the second message refers to the first.
    yield "two-with-takeover", inflated(b"\xf2H\xcd\xc9\xc9\x07\x00", b"\xf2\x00\x11\x00\x00")
    yield (
        "with-zlib-ng",
        inflated(compressed(b"Hello"), b"\xf2\x00\x11\x00\x00", b"\xff", takeover=3),
    )
    yield "stored", inflated(compressed(b"Hello", level=0), takeover=0)
    yield "fixed-codes", inflated(compressed(b"Hello" * 3, strategy=_Z_FIXED))
    yield "dynamic-codes", inflated(compressed(bytes(range(64)) * 2 + bytes(64)), sizes=(50,))
    yield "a-final-block", inflated(compressed(b"Hello", zlib.Z_FINISH) + b"\x00")
    finished = compressed(b"Hello", zlib.Z_FINISH)
    yield "ends-with-a-final-block", inflated(finished, b"\xf2H\xcd\xc9\xc9\x07\x00", sizes=(3,))
    yield "a-final-block-isn-t-complete", inflated(finished[:-1])
    yield "nothing-at-all", inflated(b"", compressed(b"Hello", level=0), takeover=3)
    yield "many-final-blocks", inflated(b"\x03\x00" * 16 + compressed(b"Hello"))
    yield "too-much", inflated(compressed(bytes(5000)), room=2)
    yield "small-pieces", inflated(compressed(bytes(500)), piece=1, bits=1)
    yield "nothing", inflated(b"\x00", b"\x00")


def _deflating():
    def deflated(data, bits=6, takeover=1, level=5, memory=4, rests=0, sizes=(3,), times=0):
        first = bytes([bits, takeover, level, memory, rests])
        return first + _reads(*sizes) + bytes([times]) + data

    yield "a-text", deflated(b"the way of a byte is the way of a text")
    yield "small-window", deflated(b"abcdefgh " + bytes(range(33, 127)), bits=0, times=2)
    yield "without-takeover", deflated(b"Hello Hello Hello", takeover=0, level=8, memory=0)
    yield "with-zlib-ng", deflated(b"Hello Hello Hello", takeover=3, level=0)
    yield "resting", deflated(b"Hello Hello Hello", rests=0b101, sizes=())


def _headers():
    yield "tokens", b"keep-alive, Upgrade"
    yield "empty-elements", b", ,\tchat,,\nsuperchat ,"
    yield "extensions", "\n".join(make_offers(PRESETS["deflate"])).encode()
    yield "quoted", b'x-a; b="c"; d = "e\\f" , x-g'
    yield "not-a-token-in-quotes", b'x; a="b c"'


def _offers():
    def said(text, server_takeover=0, client_takeover=0, server_bits=0, client_bits=0):
        return bytes([server_takeover, client_takeover, server_bits, client_bits]) + text.encode()

    for name, options in PRESETS.items():
        yield f"{name}-offered", said(", ".join(make_offers(options)))
    yield "hint-taken", said("permessage-deflate; client_max_window_bits", 1, 1, 2, 3)
    yield (
        "answered",
        said("permessage-deflate; server_no_context_takeover; client_max_window_bits=10", 1),
    )
    yield (
        "too-small-a-window",
        said("permessage-deflate; server_max_window_bits=8; client_max_window_bits=8"),
    )
    yield "too-large-a-window", said("permessage-deflate; server_max_window_bits=16")
    yield "others-first", said("x-webkit; a=1, permessage-deflate; b, permessage-deflate")


def _requests():
    def came(data, small=0, origins=0, subprotocols=1, compression=1, sizes=(60, 7)):
        return bytes([small, origins, subprotocols, compression]) + _reads(*sizes) + data

    asked = {
        "Origin": "https://example.com",
        "Sec_WebSocket_Protocol": ["chat", "superchat"],
        "Sec_WebSocket_Extensions": make_offers(PRESETS["deflate"]),
    }
    good = a_request().serialize()
    yield "plain", came(good)
    yield "all-there-is-to-negotiate", came(a_request(**asked).serialize(), origins=1)
    yield "another-origin", came(a_request(Origin="null").serialize(), origins=1)
    told = {"Cookie": 'a=1; b="2"', "Authorization": "Basic YTpi", "Origin": "http://a"}
    same = a_request(Host="a:80", **told).serialize().replace(b"/chat", b"/chat/%C3%A9?a=%26&b")
    yield "a-page-that-tells-who-it-is", came(same, origins=3)
    yield "from-a-browser-s-address-bar", came(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    yield "an-old-version", came(a_request(Sec_WebSocket_Version="8").serialize())
    yield "a-post", came(a_request("POST", Content_Length="2").serialize() + b"{}")
    yield "absolute-form", came(good.replace(b"/chat", b"http://server.example.com"))
    yield "frames-after-it", came(good + b"\x81\x80\x00\x00\x00\x00")
    yield "http-1.0", came(b"GET / HTTP/1.0\r\n\r\n")
    yield "folded", came(b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n")
    yield "bare-line-feeds", came(b"GET / HTTP/1.1\nHost: h\n\n")
    yield "small-limits", came(good, small=1)
    yield "line-too-long", came(b"GET / HTTP/1.1\r\nX: " + b"y" * 120 + b"\r\n\r\n", small=1)
    yield "too-many-lines", came(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 32 + b"\r\n", small=1)
    yield "empty-lines-before-it", came(b"\r\n\r\n" + good, sizes=(1, 2))
    yield "options-of-the-server", came(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
    yield "a-tunnel", came(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
    yield "a-fragment", came(good.replace(b"/chat", b"/chat#a"))
    yield "a-zone", came(a_request(Host="[fe80::1%25eth0]:80").serialize())


def _responses():
    def came(data, small=0, compression=1, sizes=(60, 7)):
        return bytes([small, compression]) + _reads(*sizes) + data

    answered = {
        "Sec_WebSocket_Protocol": "chat",
        "Sec_WebSocket_Extensions": "permessage-deflate; server_max_window_bits=12",
    }
    yield "plain", came(a_response().serialize())
    yield "all-there-is-to-negotiate", came(a_response(**answered).serialize())
    yield "another-key-s-answer", came(a_response(Sec_WebSocket_Accept="x").serialize())
    yield "frames-after-it", came(a_response().serialize() + b"\x81\x02hi")
    yield "refused", came(refusal(InvalidMethod("PUT")).serialize())
    yield "refused-by-http-1.0", came(b"HTTP/1.0 502 Bad Gateway\r\n\r\nuntil the end")
    chunked = b"HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n"
    yield "chunked", came(chunked + b"5\r\nHello\r\n6;a=b\r\n World\r\n0\r\n\r\n")
    yield "chunked-and-much", came(chunked + b"c8\r\n" + b"x" * 200 + b"\r\n0\r\n\r\n", small=1)
    extended = b"5;" + b"x" * 120 + b"\r\nHello\r\n0\r\n\r\n"
    yield "chunk-size-too-long", came(chunked + extended, small=1, sizes=(110,))
    yield "no-content", came(b"HTTP/1.1 204 No Content\r\n\r\n")
    yield "bad-chunk", came(chunked + b"xyz\r\n")


def _uris():
    ws, wss, path, whole = range(4)
    yield "plain", bytes([whole]) + b"wss://example.com/chat?room=1"
    yield "port", bytes([ws]) + b"localhost:8000/"
    yield "address", bytes([wss]) + b"[2001:db8::1]:443?a"
    yield "user", bytes([ws]) + b"me:p%40ss@example.com"
    yield "international", bytes([wss]) + "bücher.example/é".encode()
    yield "encoded-path", bytes([path]) + b"%0d%0a/;a=b?c=%zz"
    yield "fragment", bytes([path]) + b"a#b"
    yield "another-scheme", bytes([whole]) + b"http://example.com/"


def main():
    for target, inputs in seeds().items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (CORPUS / target / f"{name}.bin").write_bytes(data)


if __name__ == "__main__":
    main()
