/* The opening handshake (RFC 6455 section 4), and the negotiation in it (RFC 7692 section 7). */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "options.h"

struct agreement {
    bool deflate;
    bool server_takeover; /* true if the server's messages may refer to earlier ones */
    bool client_takeover;
    int client_window_bits;
};

void write_request(struct buffer *out, const struct options *options);

/* Check the response; fail unless it opens the connection.
 *
 * Return the length of its head, 0 while it isn't complete. The bytes end in a NUL. */
size_t read_response(const char *bytes, bool deflate, struct agreement *agreement);

#endif
