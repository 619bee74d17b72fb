/* Frames of RFC 6455: those of a client as they are sent, those of a server as they arrive. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { COMPRESSED = 0x40, MAX_CONTROL_SIZE = 125 };

/* Append a whole frame, masked with a key of its own (section 5.3).
 *
 * The opcode may be combined with COMPRESSED. */
void write_frame(struct buffer *out, int opcode, const unsigned char *payload, size_t size);

/* Where in its stream of frames a connection is; all zero at first. */
struct frame_reader {
    unsigned char head[10];
    int gathered;       /* bytes of the head that are there */
    bool within;        /* whether the head is whole, and the payload is arriving */
    bool first;         /* whether none of that payload has been read */
    uint64_t remaining; /* bytes of the payload that are to come */
};

/* A payload, or as much of it as has arrived. */
struct piece {
    int opcode;
    bool fin;
    bool compressed;
    bool first;    /* whether it begins its frame */
    bool complete; /* whether it ends its frame */
    const unsigned char *bytes;
    size_t size;
};

/* Read up to the end of a frame; return how many bytes that took.
 *
 * The piece points into the data; its bytes are NULL if the data end before it begins. */
size_t read_frame(
    struct frame_reader *reader, const unsigned char *data, size_t size, struct piece *piece);

#endif
