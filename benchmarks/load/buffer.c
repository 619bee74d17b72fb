#include "buffer.h"

#include <stdlib.h>

#include "fail.h"

unsigned char *buffer_extend(struct buffer *buffer, size_t size)
{
    if (buffer->end + size > buffer->capacity) {
        size_t doubled = buffer->capacity * 2;
        buffer->capacity = buffer->end + size > doubled ? buffer->end + size : doubled;
        buffer->bytes = realloc(buffer->bytes, buffer->capacity);
        if (buffer->bytes == NULL)
            fail("no memory for the bytes to send");
    }
    unsigned char *added = buffer->bytes + buffer->end;
    buffer->end += size;
    return added;
}

void buffer_drop(struct buffer *buffer, size_t size)
{
    buffer->start += size;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
