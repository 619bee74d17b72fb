/* The kinds of a load for clients. */
#ifndef TALKS_H
#define TALKS_H

#include <stdbool.h>
#include <stddef.h>

#include "../load/buffer.h"

struct talk {
    const char *name;
    /* Serve an open connection until the client leaves. */
    void (*hold)(int fd, const struct buffer *messages);
};

/* Return the kind with this name, or NULL. */
const struct talk *find_talk(const char *name);

/* Return the frames of a series of text messages, which may be sent again and again. */
struct buffer feed_of(size_t size, bool deflate);

#endif
