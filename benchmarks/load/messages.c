#include "messages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fail.h"
#include "frames.h"
#include "handshake.h"

enum { MOST_BYTES = 2 << 20, LONGEST_EVENT = 512 };

/* xorshift: the same messages for every server. */
static uint32_t next_number(void)
{
    static uint32_t state = 2463534242;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static const char *pick(const char *const *from, size_t count)
{
    return from[next_number() % count];
}
#define PICK(words) pick(words, sizeof(words) / sizeof *(words))

/* Write an event of the feed in ASCII; return its size. */
static size_t write_ascii_event(char *to, size_t room)
{
    static const char *const kinds[] = {"trade", "quote", "order", "cancel", "chat"};
    static const char *const names[] = {"anna", "bertrand", "chiyo", "dmitri", "esperanza", "farid"};
    static const char *const symbols[] = {"AAPL", "MSFT", "GOOG", "AMZN", "TSLA", "NVDA", "META"};
    static const char *const words[] = {
        "the", "price", "of", "this", "has", "been", "falling", "since", "morning", "and", "we",
        "should", "wait", "until", "volume", "returns", "before", "anybody", "sells", "more"};
    int size = snprintf(
        to, room,
        "{\"type\": \"%s\", \"id\": %u, \"ts\": 1700%09u, \"user\": \"%s\", \"symbol\": \"%s\", "
        "\"price\": %u.%02u, \"size\": %u, \"text\": \"%s %s %s %s %s\"}, ",
        PICK(kinds), next_number() % 100000000, next_number() % 1000000000, PICK(names),
        PICK(symbols), next_number() % 1000, next_number() % 100, next_number() % 5000,
        PICK(words), PICK(words), PICK(words), PICK(words), PICK(words));
    return (size_t)size;
}

/* Write an event with characters of one to four bytes; return its size. */
static size_t write_unicode_event(char *to, size_t room)
{
    static const char *const names[] = {"Zoë", "Jürgen", "Ольга", "明子", "Θάλεια", "خالد"};
    static const char *const words[] = {"größer", "цена", "価格が下がる", "é", "ναι", "😀", "ok"};
    int size = snprintf(
        to, room, "{\"ß\": \"%s\", \"user\": \"%s\", \"id\": %u, \"text\": \"%s %s %s %s\"}, ",
        PICK(words), PICK(names), next_number() % 100000000, PICK(words), PICK(words), PICK(words),
        PICK(words));
    return (size_t)size;
}

static size_t write_event(char *to, size_t room, enum contents contents)
{
    return contents == UNICODE ? write_unicode_event(to, room) : write_ascii_event(to, room);
}

/* Return the size of the longest part that has no more bytes than this and ends with a character. */
static size_t whole_characters(const char *text, size_t size)
{
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

static void write_text(unsigned char *to, size_t size, enum contents contents)
{
    for (size_t filled = 0; filled < size;) {
        char event[LONGEST_EVENT];
        size_t room = size - filled, written = write_event(event, sizeof event, contents);
        size_t taken = written < room ? written : whole_characters(event, room);
        memcpy(to + filled, event, taken);
        filled += taken;
        if (taken < written) {
            memset(to + filled, ' ', size - filled);
            break;
        }
    }
}

static void write_noise(unsigned char *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(next_number() >> 24);
}

static unsigned char *allocate(size_t size)
{
    unsigned char *bytes = malloc(size);
    if (bytes == NULL)
        fail("no memory for the messages");
    return bytes;
}

static size_t count_for(size_t size, size_t largest)
{
    if (largest > size)
        return MOST_MESSAGES;
    size_t count = MOST_BYTES / size;
    return count > MOST_MESSAGES ? MOST_MESSAGES : count < 1 ? 1 : count;
}

/* Return one of the sizes; a step through them that has no common factor with their number mixes them. */
static size_t size_of(size_t which, size_t size, size_t largest)
{
    enum { STEP = 37 };
    double part = (double)(which * STEP % MOST_MESSAGES) / (MOST_MESSAGES - 1);
    return (size_t)llround((double)size * pow((double)largest / (double)size, part));
}

void make_messages(
    struct messages *messages, size_t size, size_t largest, enum contents contents)
{
    messages->count = count_for(size, largest);
    messages->opcode = contents == NOISE ? BINARY : TEXT;
    for (size_t i = 0; i < messages->count; i++) {
        size_t bytes = largest > size ? size_of(i, size, largest) : size;
        messages->plain[i] = allocate(bytes);
        if (contents == NOISE)
            write_noise(messages->plain[i], bytes);
        else
            write_text(messages->plain[i], bytes, contents);
        messages->payload[i] = messages->plain[i];
        messages->payload_size[i] = messages->size[i] = bytes;
    }
}

void compress_messages(struct messages *messages, const struct agreement *agreement)
{
    z_stream zlib = {0};
    if (deflateInit2(&zlib, 6, Z_DEFLATED, -agreement->client_window_bits, 8, Z_DEFAULT_STRATEGY))
        fail("zlib can't compress with a window of %d bits", agreement->client_window_bits);
    for (size_t i = 0; i < messages->count; i++) {
        size_t room = deflateBound(&zlib, messages->size[i]) + 64;
        messages->payload[i] = allocate(room);
        zlib.next_in = messages->plain[i];
        zlib.avail_in = (uInt)messages->size[i];
        zlib.next_out = messages->payload[i];
        zlib.avail_out = (uInt)room;
        deflate(&zlib, Z_SYNC_FLUSH);
        /* RFC 7692 section 7.2.1: remove the four bytes at the end of the flush. */
        messages->payload_size[i] = room - zlib.avail_out - 4;
        if (!agreement->client_takeover)
            deflateReset(&zlib);
    }
    deflateEnd(&zlib);
    messages->opcode |= COMPRESSED;
}
