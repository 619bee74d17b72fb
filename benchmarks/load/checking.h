/* Checking that each message comes back as it was sent. */
#ifndef CHECKING_H
#define CHECKING_H

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "frames.h"
#include "messages.h"

/* The state of the message that is arriving; all zero at first. */
struct checker {
    uint64_t received; /* number of correct messages */
    bool within;       /* true between the first frame of a message and the last */
    bool compressed;   /* true if that message is compressed */
    size_t offset;     /* its bytes so far, inflated */
    z_stream *zlib;    /* NULL until the first compressed message */
};

/* Check a piece of a data frame; return true at the end of a message. Fail if it is wrong. */
bool check_piece(
    struct checker *checker, const struct piece *piece, const struct messages *messages,
    const struct agreement *agreement, bool lengths_only);

void checker_free(struct checker *checker);

#endif
