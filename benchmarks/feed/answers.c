#include "answers.h"

#include <stdint.h>
#include <string.h>

#include "../load/fail.h"

enum { FIN = 0x80, MASKED = 0x80, LENGTH = 0x7f, MASK_SIZE = 4 };

/* Append a header; return the place for the payload. */
static unsigned char *append_head(struct buffer *out, int first_byte, size_t size)
{
    int extended = size < 126 ? 0 : size < 1 << 16 ? 2 : 8;
    unsigned char *head = buffer_extend(out, 2 + (size_t)extended + size);
    *head++ = (unsigned char)first_byte;
    *head++ = (unsigned char)(extended == 0 ? size : extended == 2 ? 126 : 127);
    for (int i = extended - 1; i >= 0; i--)
        *head++ = (unsigned char)((uint64_t)size >> (8 * i));
    return head;
}

void append_frame(struct buffer *out, int opcode, const unsigned char *payload, size_t size)
{
    memcpy(append_head(out, FIN | opcode, size), payload, size);
}

/* Take the frame at the front; return its size, 0 if it isn't complete. */
static size_t answer_frame(const unsigned char *frame, size_t available, struct buffer *answers)
{
    if (available < 2)
        return 0;
    if (!(frame[1] & MASKED))
        fail("the client hasn't masked a frame");
    uint64_t size = frame[1] & LENGTH;
    size_t extended = size == 126 ? 2 : size == 127 ? 8 : 0, head = 2 + extended + MASK_SIZE;
    if (available < head)
        return 0;
    if (extended > 0)
        size = 0;
    for (size_t i = 0; i < extended; i++)
        size = size << 8 | frame[2 + i];
    if (available - head < size)
        return 0;
    const unsigned char *mask = frame + head - MASK_SIZE, *payload = frame + head;
    unsigned char *answer = append_head(answers, frame[0], size);
    for (size_t i = 0; i < size; i++)
        answer[i] = payload[i] ^ mask[i % MASK_SIZE];
    return head + size;
}

void answer_frames(struct buffer *arrived, struct buffer *answers)
{
    size_t taken;
    while ((taken = answer_frame(arrived->bytes + arrived->start, buffer_size(arrived), answers)))
        buffer_drop(arrived, taken);
}
