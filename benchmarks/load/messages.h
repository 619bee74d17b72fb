/* The messages: made once, and sent in turn, again and again, by every connection. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"

enum { MOST_MESSAGES = 64 };

struct messages {
    size_t count;
    size_t size;                             /* size of each, in bytes */
    int opcode;                              /* combined with COMPRESSED if they are compressed */
    unsigned char *plain[MOST_MESSAGES];     /* the payload that must come back */
    unsigned char *payload[MOST_MESSAGES];   /* the payload of the frame */
    size_t payload_size[MOST_MESSAGES];
};

/* Make messages of this size: lines of a JSON feed, or bytes without any pattern. */
void make_messages(struct messages *messages, size_t size, bool binary);

/* Compress the messages in order, with the negotiated parameters.
 *
 * The first refers to no earlier message, so that it can follow the last. */
void compress_messages(struct messages *messages, const struct agreement *agreement);

#endif
