/* Frames that leave at once, or together. The type is in cork_type.c. */

#include "accelerator.h"

/* The number of bytes that are allocated when a second frame comes. */
enum { LEAST_ROOM = 1024 };

/* Return the place for `size` bytes more, NULL with an exception if there is no memory for them. A
 * frame that is added to the cork may move this place. So no call that can run Python code comes
 * between this one and the writing. */
static unsigned char *
cork_room(Cork *self, Py_ssize_t size)
{
    Py_ssize_t room = self->frames == NULL ? 0 : PyBytes_GET_SIZE(self->frames);
    if (size > PY_SSIZE_T_MAX / 2 - self->size) {
        PyErr_NoMemory();
        return NULL;
    }
    if (self->size + size > room) {
        if (room > 0) {
            room = Py_MAX(LEAST_ROOM, 2 * room);
        }
        PyObject *frames = PyBytes_FromStringAndSize(NULL, Py_MAX(room, self->size + size));
        if (frames == NULL) {
            return NULL;
        }
        if (self->frames != NULL) {
            memcpy(PyBytes_AS_STRING(frames), PyBytes_AS_STRING(self->frames), self->size);
        }
        Py_XSETREF(self->frames, frames);
    }
    return (unsigned char *)PyBytes_AS_STRING(self->frames) + self->size;
}

int
cork_add(Cork *self, const Bytes *frame)
{
    unsigned char *to = cork_room(self, frame->size);
    if (to == NULL) {
        return -1;
    }
    memcpy(to, frame->data, frame->size);
    self->size += frame->size;
    return 0;
}

PyObject *
cork_take(Cork *self)
{
    PyObject *frames = self->frames;
    Py_ssize_t size = self->size;
    self->frames = NULL;
    self->size = 0;
    if (frames == NULL) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    if (PyBytes_GET_SIZE(frames) != size && _PyBytes_Resize(&frames, size) < 0) {
        return NULL;
    }
    return frames;
}


/* Writing. */

static int
transmit(State *state, Cork *self, PyObject *data)
{
    return call(state, (PyObject *)self, TRANSMIT, data);
}

int
cork_flush(State *state, Cork *self)
{
    if (self->size == 0) {
        return 0;
    }
    int descriptor = descriptor_of(state, self);
    if (descriptor == -2) {
        return -1;
    }
    /* The code that was asked for the descriptor may have written the frames. */
    if (self->size == 0) {
        return 0;
    }
    char *frames = PyBytes_AS_STRING(self->frames);
    Py_ssize_t sent = write_through(self, descriptor, frames, self->size);
    self->size -= sent;
    if (self->size == 0) {
        Py_CLEAR(self->frames);
        return 0;
    }
    memmove(frames, frames + sent, self->size);
    PyObject *data = cork_take(self);
    int transmitted = data == NULL ? -1 : transmit(state, self, data);
    Py_XDECREF(data);
    return transmitted;
}

static int
flush_if_large(State *state, Cork *self)
{
    /* The transport has to count the bytes, and may pause the producer. */
    return self->size > BATCH_SIZE ? cork_flush(state, self) : 0;
}

/* Tell whether a frame may be written without waiting, -1 with an exception. */
int
cork_is_ready(Cork *self)
{
    if (self->paused) {
        return 0;
    }
    int waiting = is_set(self->waiting) ? truth(Py_NewRef(self->waiting)) : 0;
    return waiting < 0 ? -1 : !waiting;
}

int
cork_write(State *state, Cork *self, PyObject *frame)
{
    Bytes bytes;
    if (get_bytes(frame, &bytes) < 0) {
        return -1;
    }
    int written = -1;
    if (self->corked) {
        written = cork_add(self, &bytes) < 0 ? -1 : flush_if_large(state, self);
        goto end;
    }
    int ready = cork_is_ready(self);
    if (ready <= 0) {
        written = ready < 0 ? -1 : call(state, (PyObject *)self, KEEP, frame);
        goto end;
    }
    int descriptor = descriptor_of(state, self);
    if (descriptor == -2) {
        goto end;
    }
    Py_ssize_t sent = write_through(self, descriptor, bytes.data, bytes.size);
    if (sent == bytes.size) {
        written = 0;
    }
    else {
        PyObject *rest = bytes_from(&bytes, sent);
        written = rest == NULL ? -1 : transmit(state, self, rest);
        Py_XDECREF(rest);
    }
end:
    Py_DECREF(bytes.owner);
    return written;
}

/* Transmit the bytes of both that the socket hasn't taken. */
static int
transmit_rest(State *state, Cork *self, const Bytes *payload, Py_ssize_t sent)
{
    PyObject *frames = cork_take(self);
    PyObject *rest = NULL;
    if (frames != NULL) {
        Py_ssize_t size = PyBytes_GET_SIZE(frames), kept = Py_MAX(size - sent, 0);
        Py_ssize_t of_payload = Py_MAX(sent - size, 0);
        rest = PyBytes_FromStringAndSize(NULL, kept + payload->size - of_payload);
        if (rest != NULL) {
            char *to = PyBytes_AS_STRING(rest);
            memcpy(to, PyBytes_AS_STRING(frames) + size - kept, kept);
            memcpy(to + kept, payload->data + of_payload, payload->size - of_payload);
        }
        Py_DECREF(frames);
    }
    int transmitted = rest == NULL ? -1 : transmit(state, self, rest);
    Py_XDECREF(rest);
    return transmitted;
}

/* Write the frames that are in the cork and, without a copy of it, a payload. */
static int
write_large(State *state, Cork *self, int descriptor, int first, const Bytes *payload)
{
    Key none = {.masked = false};
    unsigned char *to = cork_room(self, HEADER_SIZE);
    if (to == NULL) {
        return -1;
    }
    self->size += write_header(to, first, payload, &none) - to;
    Bytes frames = {.data = (unsigned char *)PyBytes_AS_STRING(self->frames),
                    .size = self->size};
    Py_ssize_t sent = write_both_through(self, descriptor, &frames, payload);
    if (sent < frames.size + payload->size) {
        return transmit_rest(state, self, payload, sent);
    }
    Py_CLEAR(self->frames);
    self->size = 0;
    return 0;
}

/* Encode a message after the frames that are in the cork. */
static Py_ssize_t
encode(State *state, Cork *self, const Outgoing *outgoing, bool masked)
{
    Key key;
    if (get_key(state, masked, &key) < 0) {
        return -1;
    }
    Py_ssize_t size = frame_size(outgoing->payload.size, key.masked);
    unsigned char *to = size < 0 ? NULL : cork_room(self, size);
    if (to == NULL) {
        return -1;
    }
    write_frame(to, outgoing->first, &outgoing->payload, &key);
    self->size += size;
    return size;
}

/* Write or keep a message after the frames that are in the cork, and count it. */
int
cork_message(State *state, Cork *self, PyObject *message, Tally *tally)
{
    Outgoing outgoing;
    if (get_outgoing(state, message, tally, &outgoing) < 0) {
        return -1;
    }
    const Bytes *payload = &outgoing.payload;
    bool large = payload->size >= LARGE && !tally->client;
    int descriptor = large ? descriptor_of(state, self) : -1;
    int written = -1;
    if (descriptor >= 0) {
        count_message_out(tally, &outgoing, frame_size(payload->size, false));
        written = write_large(state, self, descriptor, outgoing.first, payload);
    }
    else if (descriptor == -1) {
        Py_ssize_t size = encode(state, self, &outgoing, tally->client);
        if (size >= 0) {
            count_message_out(tally, &outgoing, size);
            written = flush_if_large(state, self);
        }
    }
    Py_DECREF(payload->owner);
    return written;
}

/* Keep a control frame after the frames that are in the cork, which keeps frames now; return its
 * size, -1 with an exception. The payload is in no buffer that may move. */
Py_ssize_t
cork_control(State *state, Cork *self, int first, const Bytes *payload, bool masked)
{
    Outgoing outgoing = {.payload = *payload, .first = first};
    Py_ssize_t size = encode(state, self, &outgoing, masked);
    return size < 0 || flush_if_large(state, self) < 0 ? -1 : size;
}
