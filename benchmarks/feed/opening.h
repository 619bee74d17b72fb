/* The server's side of the opening handshake (RFC 6455 section 4.2). */
#ifndef OPENING_H
#define OPENING_H

#include <stdbool.h>

/* Read a request and accept it; return false if the client leaves.
 *
 * With compression, each message is compressed without the window of those before it. */
bool open_connection(int fd, bool deflate);

#endif
