/* Bytes that wait to be sent. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

struct buffer {
    unsigned char *bytes;
    size_t start, end, capacity;
};

/* Add this many bytes to the buffer; return the place to write them to. */
unsigned char *buffer_extend(struct buffer *buffer, size_t size);

/* Remove bytes from the front. */
void buffer_drop(struct buffer *buffer, size_t size);

size_t buffer_size(const struct buffer *buffer);

void buffer_free(struct buffer *buffer);

#endif
