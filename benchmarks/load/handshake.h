/* The opening handshake (RFC 6455 section 4), and what it agrees on (RFC 7692 section 7). */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "options.h"

struct agreement {
    bool deflate;
    bool server_takeover; /* whether the server's messages may refer to those before them */
    bool client_takeover;
    int client_window_bits;
};

void write_request(struct buffer *out, const struct options *options);

/* Judge what has arrived of the response; fail unless it opens the connection.
 *
 * Return how long its head is, 0 while it isn't whole. The bytes end in a NUL. */
size_t read_response(const char *bytes, bool deflate, struct agreement *agreement);

#endif
