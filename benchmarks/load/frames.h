/* Frames of RFC 6455: encoding those of a client, decoding those of a server. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { COMPRESSED = 0x40, MAX_CONTROL_SIZE = 125 };

/* Append a frame, masked with a key of its own (section 5.3).
 *
 * The opcode may be combined with COMPRESSED. */
void write_frame(struct buffer *out, int opcode, const unsigned char *payload, size_t size);

/* Append a message in this number of frames, or in as many as it has bytes (section 5.4). */
void write_fragments(
    struct buffer *out, int opcode, const unsigned char *payload, size_t size, int count);

/* The state of a connection's decoder; all zero at first. */
struct frame_reader {
    unsigned char head[10];
    int gathered;       /* number of header bytes so far */
    bool within;        /* true if the header is complete, and the payload is arriving */
    bool first;         /* true if none of that payload has been read */
    uint64_t remaining; /* number of payload bytes that are to come */
};

/* A payload, or the part of it that has arrived. */
struct piece {
    int opcode;
    bool fin;
    bool compressed;
    bool first;    /* true if it begins its frame */
    bool complete; /* true if it ends its frame */
    const unsigned char *bytes;
    size_t size;
};

/* Read up to the end of a frame; return the number of bytes read.
 *
 * The piece points into the data; its bytes are NULL if the data end before it begins. */
size_t read_frame(
    struct frame_reader *reader, const unsigned char *data, size_t size, struct piece *piece);

#endif
