/* The messages that are sent: made once, and sent round and round by every connection. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"

enum { MOST_MESSAGES = 64 };

struct messages {
    size_t count;
    size_t size;                             /* bytes of each */
    int opcode;                              /* with COMPRESSED if they are */
    unsigned char *plain[MOST_MESSAGES];     /* what is to come back */
    unsigned char *payload[MOST_MESSAGES];   /* what goes into a frame */
    size_t payload_size[MOST_MESSAGES];
};

/* Make messages of this size: lines of a JSON feed, or bytes without any pattern. */
void make_messages(struct messages *messages, size_t size, bool binary);

/* Compress them as one client's messages, within what was agreed on.
 *
 * The first refers to none before it, so that it can follow the last. */
void compress_messages(struct messages *messages, const struct agreement *agreement);

#endif
