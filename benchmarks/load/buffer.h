/* Bytes that wait to be sent. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

struct buffer {
    unsigned char *bytes;
    size_t start, end, capacity;
};

/* Return where this many bytes may be written; they are in the buffer from now on. */
unsigned char *buffer_extend(struct buffer *buffer, size_t size);

/* Take bytes away from the front. */
void buffer_drop(struct buffer *buffer, size_t size);

size_t buffer_size(const struct buffer *buffer);

void buffer_free(struct buffer *buffer);

#endif
