"""The protocol itself: bytes in, messages and bytes out; no reactor, clock, transport or log.

The way of a byte, inward::

    http, headers, uri, body          the opening handshake, until 101:
        handshake                     what both sides know of it
        accepting, requesting         one side each
        deflate                       what they agree on for compressing
    connection                        the state rules, then
        ordinary                      messages whole in one frame, many at a time
        frames, masking, keys         one frame
        payload                       what of one arrives over many reads
        messages, encoding            one message, inward and outward
        compression                   its payload, smaller
        closing                       the end

What `speedups` says is accelerated is there a second time, in C.
"""
