#include "talks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../load/fail.h"
#include "../load/frames.h"
#include "../load/handshake.h"
#include "../load/messages.h"
#include "answers.h"

/* The bytes of one write: as many as a fast server has ready. */
enum { BLOCK = 1 << 18 };

static bool send_all(int fd, const unsigned char *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t taken = send(fd, bytes + sent, size - sent, 0);
        if (taken < 0)
            return false;
        sent += (size_t)taken;
    }
    return true;
}

/* Send messages as fast as the client reads them. */
static void feed(int fd, const struct buffer *messages)
{
    while (send_all(fd, messages->bytes, buffer_size(messages)))
        ;
}

/* Send every message back. */
static void answer(int fd, const struct buffer *messages)
{
    (void)messages;
    static unsigned char bytes[BLOCK];
    struct buffer arrived = {0}, answers = {0};
    for (ssize_t size; (size = recv(fd, bytes, sizeof bytes, 0)) > 0;) {
        memcpy(buffer_extend(&arrived, (size_t)size), bytes, (size_t)size);
        answer_frames(&arrived, &answers);
        if (!send_all(fd, answers.bytes + answers.start, buffer_size(&answers)))
            break;
        buffer_drop(&answers, buffer_size(&answers));
    }
    buffer_free(&arrived);
    buffer_free(&answers);
}

/* Take all messages, and look at none. */
static void take(int fd, const struct buffer *messages)
{
    (void)messages;
    static unsigned char bytes[BLOCK];
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
}

static const struct talk TALKS[] = {{"feed", feed}, {"ask", answer}, {"send", take}};

const struct talk *find_talk(const char *name)
{
    for (size_t i = 0; i < sizeof TALKS / sizeof *TALKS; i++)
        if (strcmp(name, TALKS[i].name) == 0)
            return &TALKS[i];
    return NULL;
}

struct buffer feed_of(size_t size, bool deflate)
{
    static struct messages messages;
    make_messages(&messages, size, size, ASCII);
    if (deflate)
        compress_messages(
            &messages, &(struct agreement){.deflate = true, .client_window_bits = 15});
    struct buffer frames = {0};
    do {
        for (size_t i = 0; i < messages.count; i++)
            append_frame(
                &frames, messages.opcode, messages.payload[i], messages.payload_size[i]);
    } while (buffer_size(&frames) < BLOCK);
    return frames;
}
