/* The messages: made once, and sent in turn, again and again, by every connection. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agreement;

enum { MOST_MESSAGES = 64 };

/* The contents of messages: lines of a JSON feed, such lines in many scripts, or random bytes. */
enum contents { ASCII, UNICODE, NOISE };

struct messages {
    size_t count;
    size_t size[MOST_MESSAGES];              /* size of each, in bytes */
    int opcode;                              /* combined with COMPRESSED if they are compressed */
    unsigned char *plain[MOST_MESSAGES];     /* the payload that must come back */
    unsigned char *payload[MOST_MESSAGES];   /* the payload of the frame */
    size_t payload_size[MOST_MESSAGES];
};

/* Make messages of this size, or of all sizes up to the largest; each power of two is as frequent. */
void make_messages(
    struct messages *messages, size_t size, size_t largest, enum contents contents);

/* Compress the messages in order, with the negotiated parameters.
 *
 * The first refers to no earlier message, so that it can follow the last. */
void compress_messages(struct messages *messages, const struct agreement *agreement);

#endif
