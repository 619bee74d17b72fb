#define _GNU_SOURCE
#include "frames.h"

#include <string.h>
#include <sys/random.h>

#include "fail.h"

enum { FIN = 0x80, RESERVED = 0x70, MASKED = 0x80, MASK_SIZE = 4 };

/* Return four unpredictable bytes for a masking key (section 10.3). */
static void new_mask(unsigned char *mask)
{
    /* One system call for each key would cost more than the rest of a frame. */
    static unsigned char pool[4096];
    static size_t used = sizeof pool;
    if (used == sizeof pool) {
        for (size_t filled = 0; filled < sizeof pool;) {
            ssize_t got = getrandom(pool + filled, sizeof pool - filled, 0);
            if (got < 0)
                fail_call("no random bytes");
            filled += (size_t)got;
        }
        used = 0;
    }
    memcpy(mask, pool + used, MASK_SIZE);
    used += MASK_SIZE;
}

static void copy_masked(
    unsigned char *to, const unsigned char *from, size_t size, const unsigned char *mask)
{
    uint64_t wide;
    memcpy(&wide, mask, MASK_SIZE);
    memcpy((unsigned char *)&wide + MASK_SIZE, mask, MASK_SIZE);
    size_t i = 0;
    for (; i + sizeof wide <= size; i += sizeof wide) {
        uint64_t word;
        memcpy(&word, from + i, sizeof word);
        word ^= wide;
        memcpy(to + i, &word, sizeof word);
    }
    for (; i < size; i++)
        to[i] = from[i] ^ mask[i % MASK_SIZE];
}

static void write_part(
    struct buffer *out, int first_byte, const unsigned char *payload, size_t size)
{
    int extended = size < 126 ? 0 : size < 1 << 16 ? 2 : 8;
    unsigned char *head = buffer_extend(out, 2 + (size_t)extended + MASK_SIZE + size);
    *head++ = (unsigned char)first_byte;
    *head++ = (unsigned char)(MASKED | (extended == 0 ? size : extended == 2 ? 126 : 127));
    for (int i = extended - 1; i >= 0; i--)
        *head++ = (unsigned char)((uint64_t)size >> (8 * i));
    new_mask(head);
    copy_masked(head + MASK_SIZE, payload, size, head);
}

void write_frame(struct buffer *out, int opcode, const unsigned char *payload, size_t size)
{
    write_part(out, FIN | opcode, payload, size);
}

void write_fragments(
    struct buffer *out, int opcode, const unsigned char *payload, size_t size, int count)
{
    size_t each = size / (size_t)count > 0 ? size / (size_t)count : 1;
    for (; size > each && count > 1; count--) {
        write_part(out, opcode, payload, each);
        payload += each;
        size -= each;
        opcode = CONTINUATION;
    }
    write_frame(out, opcode, payload, size);
}

/* Return the size of the frame header, as far as its bytes so far tell. */
static int head_size(const struct frame_reader *reader)
{
    if (reader->gathered < 2)
        return 2;
    int length = reader->head[1] & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

static void judge_head(struct frame_reader *reader)
{
    const unsigned char *head = reader->head;
    if (head[1] & MASKED)
        fail("the server has masked a frame");
    if (head[0] & RESERVED & ~COMPRESSED)
        fail("the server has set a reserved bit");
    int opcode = head[0] & 0x0f;
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE))
        fail("the server has sent opcode %d", opcode);
    uint64_t length = head[1] & 0x7f;
    if (length >= 126) {
        int size = head_size(reader);
        length = 0;
        for (int i = 2; i < size; i++)
            length = length << 8 | head[i];
    }
    if (opcode >= CLOSE && (length > MAX_CONTROL_SIZE || !(head[0] & FIN)))
        fail("the server has sent a control frame that is too long or fragmented");
    reader->remaining = length;
    reader->within = reader->first = true;
}

size_t read_frame(
    struct frame_reader *reader, const unsigned char *data, size_t size, struct piece *piece)
{
    size_t taken = 0;
    piece->bytes = NULL;
    while (!reader->within) {
        if (taken == size)
            return taken;
        reader->head[reader->gathered++] = data[taken++];
        if (reader->gathered == head_size(reader))
            judge_head(reader);
    }
    size_t available = size - taken;
    if (available == 0 && reader->remaining != 0)
        return taken;
    piece->opcode = reader->head[0] & 0x0f;
    piece->fin = reader->head[0] & FIN;
    piece->compressed = reader->head[0] & COMPRESSED;
    piece->first = reader->first;
    piece->bytes = data + taken;
    piece->size = available < reader->remaining ? available : reader->remaining;
    reader->remaining -= piece->size;
    reader->first = false;
    piece->complete = reader->remaining == 0;
    if (piece->complete) {
        reader->within = false;
        reader->gathered = 0;
    }
    return taken + piece->size;
}
