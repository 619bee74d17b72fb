/* Decrypting and delivering, the inward half of Records, whose twin is in _transport/tls_records.py.
 */

#include "accelerator.h"

/* A result of SSL_get_error. */
enum { SSL_ERROR_WANT_READ = 2 };

enum {
    /* OpenSSL never gives back what it has taken for the most bytes at once. */
    PIECE = SEALED,
    /* More than the data of a read, and of a record that began before it. */
    OPENED = (120 << 10) + 2 * SEALED,
};

/* Tell whether an SSL has only run out of records. */
static bool
wants_more(State *state, void *ssl, int result)
{
    return state->openssl.get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

/* Decrypt all records that are whole, as far as there is room. Return the size of the data, -1 with an
 * exception; `result` is that of the last call. Afterwards, OpenSSL has all of `data`, unless a
 * record has ended the connection. */
static Py_ssize_t
decrypt(State *state, const Records *self, const unsigned char *data, Py_ssize_t size,
        unsigned char *to, Py_ssize_t room, int *result)
{
    const OpenSSL *functions = &state->openssl;
    void *ssl = self->ssl;
    Py_ssize_t got = 0;
    functions->clear_error();
    do {
        int piece = (int)Py_MIN(size, got < room ? PIECE : INT_MAX);
        if (piece > 0 && functions->bio_write(self->into, data, piece) != piece) {
            PyErr_NoMemory();
            return -1;
        }
        data += piece;
        size -= piece;
        while (got < room
               && (*result = functions->read(ssl, to + got, (int)(room - got))) > 0) {
            got += *result;
        }
        /* A callback may have closed the connection. */
    } while (size > 0 && self->ssl == ssl && (*result > 0 || wants_more(state, ssl, *result)));
    return got;
}

/* Return why OpenSSL has stopped, None if it wants more, NULL with an exception. OpenSSL tells it
 * only once, so this comes before anything else. */
static PyObject *
get_fault(State *state, Records *self, int result)
{
    if (result > 0 || self->ssl == NULL || wants_more(state, self->ssl, result)) {
        return Py_NewRef(Py_None);
    }
    return PyObject_CallMethod((PyObject *)self, "fault_of", "i", result);
}

/* Send the alert that OpenSSL has for the peer, if any, and end the connection. */
static int
end_with(State *state, Records *self, PyObject *fault)
{
    if (records_answer(state, self) < 0) {
        return -1;
    }
    PyObject *ended = PyObject_CallMethod((PyObject *)self, "end_with", "O", fault);
    Py_XDECREF(ended);
    return ended == NULL ? -1 : 0;
}

/* Return the driver of the protocol above if data may go straight to it; NULL if it may not, or with
 * an exception. */
static Exchange *
find_driver(State *state, PyObject *above)
{
    Exchange *driver = is_ours(state, above) > 0 ? driver_of(state, above) : NULL;
    return driver != NULL && exchange_begins(driver) ? (Exchange *)Py_NewRef(driver) : NULL;
}

static int
deliver(State *state, Records *self, const Bytes *data)
{
    PyObject *above = PyObject_GetAttr(self->tls, state->names[WRAPPED_PROTOCOL]);
    if (above == NULL) {
        return -1;
    }
    int delivered = -1;
    Exchange *driver = find_driver(state, above);
    if (driver != NULL) {
        delivered = exchange_take(state, driver, data);
        Py_DECREF(driver);
    }
    else if (!PyErr_Occurred()) {
        PyObject *copy = bytes_from(data, 0);
        delivered = copy == NULL ? -1 : call(state, above, DATA_RECEIVED, copy);
        Py_XDECREF(copy);
    }
    Py_DECREF(above);
    return delivered;
}

/* Call a method of the subclass. */
static int
tell(Records *self, const char *method)
{
    PyObject *told = PyObject_CallMethod((PyObject *)self, method, NULL);
    Py_XDECREF(told);
    return told == NULL ? -1 : 0;
}

/* Go on with the handshake of TLS. */
static int
shake(State *state, Records *self, const Bytes *read)
{
    const OpenSSL *functions = &state->openssl;
    void *ssl = self->ssl;
    if (read->size > INT_MAX
        || (read->size > 0
            && functions->bio_write(self->into, read->data, (int)read->size) != read->size)) {
        PyErr_NoMemory();
        return -1;
    }
    int result;
    functions->clear_error();
    /* The signature takes a while. */
    Py_BEGIN_ALLOW_THREADS
    result = functions->do_handshake(ssl);
    Py_END_ALLOW_THREADS
    PyObject *fault = get_fault(state, self, result);
    if (fault == NULL) {
        return -1;
    }
    int done = fault == Py_None ? 0 : end_with(state, self, fault);
    Py_DECREF(fault);
    return done == 0 && result > 0 ? tell(self, "shaken") : done;
}

/* Decrypt into `to`. Return the size of the data, -1 with an exception. */
static Py_ssize_t
open_records(State *state, Records *self, const Bytes *records, unsigned char *to,
             Py_ssize_t room, int *result, PyObject **fault)
{
    Py_ssize_t got = decrypt(state, self, records->data, records->size, to, room, result);
    *fault = got < 0 ? NULL : get_fault(state, self, *result);
    return *fault == NULL ? -1 : got;
}

/* Deliver what was decrypted in one piece, then end the connection if there is a fault. */
static int
finish(State *state, Records *self, const Bytes *data, PyObject *fault)
{
    int taken = data->size > 0 && self->ssl != NULL ? deliver(state, self, data) : 0;
    return taken < 0 || fault == Py_None ? taken : end_with(state, self, fault);
}

/* Decrypt into new bytes, and deliver them. */
static int
take_bytes(State *state, Records *self, const Bytes *records, int *result)
{
    Py_ssize_t room = records->size + 2 * SEALED;
    PyObject *plain = PyBytes_FromStringAndSize(NULL, room);
    if (plain == NULL) {
        return -1;
    }
    PyObject *fault;
    Py_ssize_t got = open_records(state, self, records,
                                  (unsigned char *)PyBytes_AS_STRING(plain), room, result, &fault);
    int taken = -1;
    if (got >= 0 && _PyBytes_Resize(&plain, got) == 0) {
        Bytes data = {.data = (unsigned char *)PyBytes_AS_STRING(plain), .size = got,
                      .owner = plain};
        taken = finish(state, self, &data, fault);
    }
    Py_XDECREF(fault);
    Py_XDECREF(plain);
    return taken;
}

/* Decrypt into the buffer that all connections share, and deliver from there. */
static int
take_shared(State *state, Records *self, const Bytes *records, int *result)
{
    if (state->plain == NULL && (state->plain = PyMem_Malloc(OPENED)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *fault;
    Py_ssize_t got = open_records(state, self, records, state->plain, OPENED, result, &fault);
    Bytes data = {.data = state->plain, .size = Py_MAX(got, 0), .owner = NULL};
    int taken = got < 0 ? -1 : finish(state, self, &data, fault);
    Py_XDECREF(fault);
    return taken;
}

/* Take bytes that were read; `shared` is true while nobody else uses the shared buffer. */
int
records_take(State *state, Records *self, Bytes records, bool shared)
{
    if (self->ssl == NULL || !(self->open || self->shakes)) {
        PyObject *data = bytes_from(&records, 0);
        int taken = data == NULL ? -1 : call(state, (PyObject *)self, READ_OTHERWISE, data);
        Py_XDECREF(data);
        return taken;
    }
    PyObject *owner = Py_NewRef(self->owner);
    int taken = 0, result = 1;
    if (!self->open) {
        taken = shake(state, self, &records);
        records.size = 0;
    }
    while (taken == 0 && result > 0 && self->open) {
        taken = shared ? take_shared(state, self, &records, &result)
                       : take_bytes(state, self, &records, &result);
        records.size = 0;
    }
    /* Most answers, such as the tickets that follow a handshake, have left with the bytes that the
     * protocol has written. */
    if (taken == 0) {
        taken = records_answer(state, self);
    }
    if (taken == 0 && result <= 0 && self->open && self->fresh && !state->sealing) {
        taken = tell(self, "shed");
    }
    Py_DECREF(owner);
    return taken;
}
