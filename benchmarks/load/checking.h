/* Whether what comes back is what was sent. */
#ifndef CHECKING_H
#define CHECKING_H

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "frames.h"
#include "messages.h"

/* What a connection knows of the message that is arriving; all zero at first. */
struct checker {
    uint64_t received; /* messages that were whole and right */
    bool within;       /* whether a message has begun and not ended */
    bool compressed;   /* whether that one is */
    size_t offset;     /* bytes of it, inflated */
    z_stream *zlib;    /* NULL until the first compressed message */
};

/* Take a piece of a data frame; tell whether it ends a message. Fail if the message is wrong. */
bool check_piece(
    struct checker *checker, const struct piece *piece, const struct messages *messages,
    const struct agreement *agreement, bool lengths_only);

void checker_free(struct checker *checker);

#endif
