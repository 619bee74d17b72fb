/* Encrypting and sending, the outward half of Records, whose twin is in _transport/tls_records.py. */

#include "accelerator.h"
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

enum {
    /* The most data that a record holds. */
    PLAIN = 1 << 14,
    /* The records that leave together. */
    BATCH = 4 * SEALED,
    /* TURN_SIZE in _transport/cork.py. */
    TURN = 256 << 10,
};

/* Return the number of bytes that the socket takes now, -1 with an exception. */
static Py_ssize_t
give_socket(State *state, Records *self, const unsigned char *data, Py_ssize_t size)
{
    /* A loop that sends must leave a turn to others. */
    if (self->through >= TURN) {
        return 0;
    }
    int unsent = truth(PyObject_GetAttr(self->below, state->names[DATA_BUFFER]));
    if (unsent == 0) {
        unsent = truth(PyObject_GetAttr(self->below, state->names[TEMP_DATA_LEN]));
    }
    if (unsent != 0) {
        return unsent < 0 ? -1 : 0;
    }
    PyObject *number = PyObject_CallMethodNoArgs(self->socket, state->names[FILENO]);
    int descriptor = number == NULL ? -1 : (int)PyLong_AsLong(number);
    Py_XDECREF(number);
    if (descriptor < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    self->through += size;
    /* The transport finds out at its next write that the socket is full, or broken. */
    Py_ssize_t sent = send(descriptor, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return Py_MAX(sent, 0);
}

static int
transmit(State *state, Records *self, const unsigned char *data, Py_ssize_t size)
{
    if (size == 0) {
        return 0;
    }
    Py_ssize_t sent = give_socket(state, self, data, size);
    if (sent < 0 || sent == size) {
        return sent < 0 ? -1 : 0;
    }
    self->through = 0;
    PyObject *rest = PyBytes_FromStringAndSize((const char *)data + sent, size - sent);
    int written = rest == NULL ? -1 : call(state, self->below, WRITE, rest);
    Py_XDECREF(rest);
    return written;
}

/* Take the records that OpenSSL has for the peer; return their size. */
static Py_ssize_t
collect(State *state, void *from, unsigned char *to, Py_ssize_t room)
{
    Py_ssize_t size = 0;
    while (size < room) {
        int got = state->openssl.bio_read(from, to + size, (int)(room - size));
        if (got <= 0) {
            break;
        }
        size += got;
    }
    return size;
}

/* Take the buffer for records that leave; -1 with an exception. */
static int
take_buffer(State *state)
{
    if (state->sealed == NULL && (state->sealed = PyMem_Malloc(BATCH)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    state->sealing = true;
    return 0;
}

/* Send all records that OpenSSL has for the peer, such as an alert. */
int
records_answer(State *state, Records *self)
{
    unsigned char few[256];
    bool free = !state->sealing;
    if (free && take_buffer(state) < 0) {
        return -1;
    }
    unsigned char *records = free ? state->sealed : few;
    Py_ssize_t room = free ? BATCH : (Py_ssize_t)sizeof few, size;
    int sent = 0;
    while (sent == 0 && self->ssl != NULL
           && (size = collect(state, self->from, records, room)) > 0) {
        sent = transmit(state, self, records, size);
    }
    state->sealing = !free;
    return sent;
}

/* Have Twisted write what OpenSSL didn't take, with its reason. */
static int
write_otherwise(Records *self, const Bytes *data, Py_ssize_t place, int result)
{
    PyObject *rest = bytes_from(data, place);
    PyObject *written = NULL;
    if (rest != NULL) {
        written = PyObject_CallMethod((PyObject *)self, "write_otherwise", "Oi", rest, result);
    }
    Py_XDECREF(rest);
    Py_XDECREF(written);
    return written == NULL ? -1 : 0;
}

/* Encrypt bytes from a place on, into at most BATCH bytes. Return the size of the records, and move
 * the place; `result` is that of the last call. */
static Py_ssize_t
seal(State *state, Records *self, const Bytes *data, Py_ssize_t *place, unsigned char *to,
     int *result)
{
    const OpenSSL *functions = &state->openssl;
    Py_ssize_t size = 0;
    while (*place < data->size && size <= BATCH - SEALED && self->ssl != NULL) {
        int piece = (int)Py_MIN(data->size - *place, PLAIN);
        *result = functions->write(self->ssl, data->data + *place, piece);
        if (*result <= 0) {
            break;
        }
        *place += *result;
        if (self->ssl != NULL) {
            size += collect(state, self->from, to + size, BATCH - size);
        }
    }
    return size;
}

/* Encrypt and send. */
int
records_write(State *state, Records *self, const Bytes *data)
{
    if (!self->open || self->ssl == NULL || state->sealing) {
        return write_otherwise(self, data, 0, 1);
    }
    PyObject *owner = Py_NewRef(self->owner);
    Py_ssize_t place = 0;
    int result = 1, written = 0;
    state->openssl.clear_error();
    while (place < data->size && result > 0 && written == 0 && self->ssl != NULL) {
        written = take_buffer(state);
        if (written == 0) {
            Py_ssize_t size = seal(state, self, data, &place, state->sealed, &result);
            written = transmit(state, self, state->sealed, size);
        }
        state->sealing = false;
    }
    if (written == 0 && place < data->size) {
        written = write_otherwise(self, data, place, result);
    }
    Py_DECREF(owner);
    return written;
}
