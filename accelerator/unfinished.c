/* A message whose end hasn't come; the twin is in wire/unfinished.py. */

#include "accelerator.h"

/* Return the number of bytes that have come and weren't taken. */
Py_ssize_t
waiting(const Unfinished *self)
{
    return self == NULL ? 0 : self->arrived - self->taken;
}

void
free_unfinished(Unfinished *self)
{
    if (self != NULL) {
        Py_XDECREF(self->payload);
        PyMem_Free(self);
    }
}

/* Begin the next frame, which begins a message if none has begun. */
void
begin_next(Unfinished *self, const Header *header)
{
    if (!self->begun) {
        self->begun = self->ascii = true;
        self->text = (header->first & OPCODE) == TEXT;
        /* RFC 7692 section 6: RSV1 of the first frame holds for the whole message. */
        self->compressed = (header->first & RSV1) != 0;
    }
    self->held = 0;
    self->size += (unsigned long long)header->length;
    self->fragments++;
    self->missing = header->length;
    self->offset = 0;
    self->key = header->key;
    self->last = (header->first & FIN) != 0;
}

/* Note that bytes of the current frame were read. */
void
note_read(Unfinished *self, Py_ssize_t size)
{
    self->missing -= size;
    self->offset = (self->offset + size) % MASK_SIZE;
}

/* Check the bytes at the end of a text; on failure, there is an exception. */
static int
check_text(Unfinished *self, const unsigned char *added, Py_ssize_t size, bool ascii)
{
    if (ascii && self->utf8.lacks == 0) {
        return 0;
    }
    Utf8 before = self->utf8;
    if (check_utf8(&self->utf8, added, size)) {
        self->ascii = false;
        return 0;
    }
    self->utf8 = before;
    int had = before.lacks == 0 ? 0 : before.had;
    /* This raises the exception, with the codec's own as its cause. */
    Py_XDECREF(decode_text(added - had, had + size));
    return -1;
}

/* Add bytes to a message; they are unmasked if there is a key. */
int
add_to(State *state, Unfinished *self, const unsigned char *data, Py_ssize_t size, const Key *key)
{
    static const unsigned char no_mask[MASK_SIZE];
    if (size == 0) {
        return 0;
    }
    if (make_room(state, self, size) < 0) {
        return -1;
    }
    unsigned char *to = payload_of(self) + self->arrived;
    bool masked = key != NULL && key->masked;
    if (masked || self->text) {
        bool ascii = mask_bytes(to, data, size, masked ? key->mask : no_mask, self->offset);
        if (self->text && check_text(self, to, size, ascii) < 0) {
            return -1;
        }
    }
    else {
        memcpy(to, data, size);
    }
    self->arrived += size;
    self->decoded += size;
    return 0;
}

/* Return the message, or the rest of it that wasn't taken; NULL with an exception. */
PyObject *
finish_message(State *state, Unfinished *self)
{
    if (self->utf8.lacks > 0) {
        /* It ends within a character; this raises the exception. */
        int had = self->utf8.had;
        return decode_text(payload_of(self) + self->arrived - had, had);
    }
    return release_payload(state, self);
}

/* Return the bytes, or the whole characters, that have come, and keep them no longer. */
PyObject *
take_part(State *state, Unfinished *self)
{
    Utf8 *utf8 = &self->utf8;
    unsigned char character[4];
    int had = utf8->lacks == 0 ? 0 : utf8->had;
    if (had > 0) {
        self->arrived -= had;
        memcpy(character, payload_of(self) + self->arrived, had);
    }
    PyObject *part = release_payload(state, self);
    if (part == NULL) {
        return NULL;
    }
    self->parted = true;
    self->ascii = had == 0;
    self->fragments = 0;
    if (had > 0) {
        if (make_room(state, self, had) < 0) {
            Py_DECREF(part);
            return NULL;
        }
        memcpy(payload_of(self), character, had);
        self->arrived = self->taken = had;
    }
    return part;
}
