#include "checking.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "handshake.h"

static void begin(
    struct checker *checker, const struct piece *piece, const struct messages *messages,
    const struct agreement *agreement)
{
    bool continues = piece->opcode == CONTINUATION;
    if (continues != checker->within)
        fail("the server has mixed up the fragments of its messages");
    if (continues)
        return;
    if (piece->opcode != (messages->opcode & ~COMPRESSED))
        fail("the server has sent text back as binary, or binary as text");
    if (piece->compressed && !agreement->deflate)
        fail("the server has compressed a message though compression wasn't negotiated");
    checker->within = true;
    checker->compressed = piece->compressed;
    checker->offset = 0;
}

static void compare(
    struct checker *checker, const unsigned char *bytes, size_t size,
    const struct messages *messages, bool lengths_only)
{
    size_t which = checker->received % messages->count;
    const unsigned char *expected = messages->plain[which];
    if (size > messages->size[which] - checker->offset)
        fail("a message came back longer than it was");
    if (!lengths_only && memcmp(expected + checker->offset, bytes, size) != 0)
        fail("a message came back with other contents");
    checker->offset += size;
}

static void inflate_and_compare(
    struct checker *checker, const unsigned char *bytes, size_t size,
    const struct messages *messages, bool lengths_only)
{
    static unsigned char plain[1 << 16];
    z_stream *zlib = checker->zlib;
    if (zlib == NULL) {
        zlib = checker->zlib = calloc(1, sizeof *zlib);
        if (zlib == NULL || inflateInit2(zlib, -15) != Z_OK)
            fail("no memory to inflate");
    }
    zlib->next_in = (unsigned char *)bytes;
    zlib->avail_in = (uInt)size;
    do {
        zlib->next_out = plain;
        zlib->avail_out = sizeof plain;
        int result = inflate(zlib, Z_SYNC_FLUSH);
        if (result != Z_OK && result != Z_BUF_ERROR)
            fail("a compressed message can't be inflated");
        compare(checker, plain, sizeof plain - zlib->avail_out, messages, lengths_only);
    } while (zlib->avail_out == 0);
}

bool check_piece(
    struct checker *checker, const struct piece *piece, const struct messages *messages,
    const struct agreement *agreement, bool lengths_only)
{
    if (piece->first)
        begin(checker, piece, messages, agreement);
    (checker->compressed ? inflate_and_compare : compare)(
        checker, piece->bytes, piece->size, messages, lengths_only);
    if (!piece->complete || !piece->fin)
        return false;
    if (checker->compressed) {
        /* RFC 7692 section 7.2.2. */
        static const unsigned char tail[] = {0x00, 0x00, 0xff, 0xff};
        inflate_and_compare(checker, tail, sizeof tail, messages, lengths_only);
        if (!agreement->server_takeover)
            inflateReset(checker->zlib);
    }
    if (checker->offset != messages->size[checker->received % messages->count])
        fail("a message came back shorter than it was");
    checker->within = false;
    checker->received++;
    return true;
}

void checker_free(struct checker *checker)
{
    if (checker->zlib != NULL)
        inflateEnd(checker->zlib);
    free(checker->zlib);
    *checker = (struct checker){0};
}
