/* Frames of RFC 6455: encoding those of a server, decoding those of a client. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stddef.h>

#include "../load/buffer.h"

/* Append a frame without a mask; the opcode may be combined with COMPRESSED. */
void append_frame(struct buffer *out, int opcode, const unsigned char *payload, size_t size);

/* Take the whole frames from the front, and append the same without their masks. */
void answer_frames(struct buffer *arrived, struct buffer *answers);

#endif
