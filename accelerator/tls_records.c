/* The records of a TLS connection: Records, whose twin is in _transport/tls_records.py.
 *
 * The twin calls pyOpenSSL, six times for each message that is answered. Here, the same functions
 * of the same OpenSSL are called for the same connection. pyOpenSSL's cffi knows their addresses,
 * and _transport/openssl.py has checked their types.
 *
 * A callback of an SSL connection can run Python code, which can do anything. So a reference to the
 * SSL is held while OpenSSL works, and OpenSSL gets no pointer that Python code may free.
 */

#include "accelerator.h"
#include <structmember.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* Of SSL_get_error. */
enum { SSL_ERROR_WANT_READ = 2 };

enum {
    /* The most data that a record holds, and more than a record of it takes (RFC 8446 section
     * 5.2). */
    PLAIN = 1 << 14, SEALED = PLAIN + 1024,
    /* OpenSSL never gives back what it has taken for the most bytes at once. */
    PIECE = SEALED,
    /* The records that leave together. */
    BATCH = 4 * SEALED,
    /* More than the data of a read, and of a record that began before it. */
    OPENED = (120 << 10) + 2 * SEALED,
    /* TURN_SIZE in _transport/cork.py. */
    TURN = 512 << 10,
};

typedef struct {
    PyObject_HEAD
    PyObject *tls;          /* Twisted's transport. */
    PyObject *below;        /* The transport that has the socket. */
    PyObject *socket;
    PyObject *owner;        /* Of the SSL, which has the two others; NULL once it is lost. */
    void *ssl;
    void *into;
    void *from;
    Py_ssize_t through;     /* Bytes for the socket since `below` last had something to write. */
    char open;
    char shakes;
    char fresh;
} Records;

/* Tell whether an SSL has only run out of records. */
static bool
wants_more(State *state, void *ssl, int result)
{
    return state->openssl.get_error(ssl, result) == SSL_ERROR_WANT_READ;
}


/* Outward. */

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
static int
answer(State *state, Records *self)
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
static int
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


/* Inward. */

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

static int
end_with(Records *self, PyObject *fault)
{
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
        || functions->bio_write(self->into, read->data, (int)read->size) != read->size) {
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
    int done = answer(state, self);
    if (done == 0 && fault != Py_None) {
        done = end_with(self, fault);
    }
    Py_DECREF(fault);
    if (done == 0 && result > 0) {
        done = tell(self, "shaken");
    }
    return done;
}

/* Decrypt into `to`, and answer. Return the size of the data, -1 with an exception. */
static Py_ssize_t
open_records(State *state, Records *self, const Bytes *records, unsigned char *to,
             Py_ssize_t room, int *result, PyObject **fault)
{
    Py_ssize_t got = decrypt(state, self, records->data, records->size, to, room, result);
    *fault = got < 0 ? NULL : get_fault(state, self, *result);
    if (*fault != NULL && answer(state, self) < 0) {
        Py_CLEAR(*fault);
    }
    return *fault == NULL ? -1 : got;
}

/* Deliver what was decrypted in one piece, then end the connection if there is a fault. */
static int
finish(State *state, Records *self, const Bytes *data, PyObject *fault)
{
    int taken = data->size > 0 && self->ssl != NULL ? deliver(state, self, data) : 0;
    return taken < 0 || fault == Py_None ? taken : end_with(self, fault);
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
static int
take(State *state, Records *self, Bytes records, bool shared)
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
    if (taken == 0 && result <= 0 && self->open && self->fresh && !state->sealing) {
        taken = tell(self, "shed");
    }
    Py_DECREF(owner);
    return taken;
}

/* Take bytes that were read into the buffer of read_through, for a protocol that is a Records. */
int
records_take(State *state, PyObject *protocol, const Bytes *read)
{
    return take(state, (Records *)protocol, *read, true);
}


/* The type. */

/* The places in the tuple of pointers that openssl.py makes. */
enum { OWNER, SSL, INTO, FROM, FUNCTIONS, POINTERS = FUNCTIONS + sizeof(OpenSSL) / sizeof(void *) };

/* Read an address from a tuple; NULL with an exception. */
static void *
address(PyObject *pointers, Py_ssize_t place)
{
    void *pointer = PyLong_AsVoidPtr(PyTuple_GET_ITEM(pointers, place));
    if (pointer == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "an address is 0");
    }
    return pointer;
}

static int
keep_pointers(State *state, Records *self, PyObject *pointers)
{
    if (PyTuple_GET_SIZE(pointers) != POINTERS) {
        PyErr_Format(PyExc_ValueError, "expected %d pointers, not %zd", (int)POINTERS,
                     PyTuple_GET_SIZE(pointers));
        return -1;
    }
    void *ssl = address(pointers, SSL);
    void *into = ssl == NULL ? NULL : address(pointers, INTO);
    void *from = into == NULL ? NULL : address(pointers, FROM);
    if (from == NULL) {
        return -1;
    }
    /* These are the same for all connections. */
    void *functions[POINTERS - FUNCTIONS];
    for (Py_ssize_t i = FUNCTIONS; i < POINTERS; i++) {
        functions[i - FUNCTIONS] = address(pointers, i);
        if (functions[i - FUNCTIONS] == NULL) {
            return -1;
        }
    }
    memcpy(&state->openssl, functions, sizeof functions);
    self->ssl = ssl;
    self->into = into;
    self->from = from;
    Py_XSETREF(self->owner, Py_NewRef(PyTuple_GET_ITEM(pointers, OWNER)));
    return 0;
}

static int
records_init(Records *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"", "", "", NULL};
    PyObject *tls, *below, *pointers;
    State *state = state_for(Py_TYPE(self));
    if (state == NULL
        || !PyArg_ParseTupleAndKeywords(args, keywords, "OOO!:Records", names, &tls, &below,
                                        &PyTuple_Type, &pointers)) {
        return -1;
    }
    PyObject *socket = PyObject_GetAttrString(below, "socket");
    if (socket == NULL) {
        return -1;
    }
    Py_XSETREF(self->socket, socket);
    Py_XSETREF(self->tls, Py_NewRef(tls));
    Py_XSETREF(self->below, Py_NewRef(below));
    self->fresh = true;
    return keep_pointers(state, self, pointers);
}

PyDoc_STRVAR(data_received_doc,
"dataReceived($self, data, /)\n--\n\n"
"Take bytes that the transport below has read.");

static PyObject *
records_data_received(Records *self, PyTypeObject *defining, PyObject *const *args,
                      Py_ssize_t count, PyObject *names)
{
    Bytes read;
    if (check_count("dataReceived", count + count_of(names), 1, 1) < 0
        || get_bytes(args[0], &read) < 0) {
        return NULL;
    }
    int taken = take(PyType_GetModuleState(defining), self, read, false);
    Py_DECREF(read.owner);
    return taken < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(write_doc,
"write($self, data, /)\n--\n\n"
"Encrypt and send.");

static PyObject *
records_write_one(Records *self, PyTypeObject *defining, PyObject *const *args,
                  Py_ssize_t count, PyObject *names)
{
    Bytes data;
    if (check_count("write", count + count_of(names), 1, 1) < 0
        || get_bytes(args[0], &data) < 0) {
        return NULL;
    }
    int written = records_write(PyType_GetModuleState(defining), self, &data);
    Py_DECREF(data.owner);
    return written < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(renew_doc,
"renew($self, pointers, /)\n--\n\n"
"Use the OpenSSL connection at other addresses.");

static PyObject *
records_renew(Records *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
              PyObject *names)
{
    if (check_count("renew", count + count_of(names), 1, 1) < 0) {
        return NULL;
    }
    if (!PyTuple_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "expected a tuple, not %s", Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    return keep_pointers(PyType_GetModuleState(defining), self, args[0]) < 0 ? NULL
                                                                            : Py_NewRef(Py_None);
}

PyDoc_STRVAR(forget_doc,
"forget($self, /)\n--\n\n"
"Forget the OpenSSL connection: it is lost.");

static PyObject *
records_forget(Records *self, PyObject *Py_UNUSED(ignored))
{
    self->ssl = self->into = self->from = NULL;
    self->open = self->shakes = false;
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

static int
records_traverse(Records *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->tls);
    Py_VISIT(self->below);
    Py_VISIT(self->socket);
    Py_VISIT(self->owner);
    return 0;
}

static int
records_clear(Records *self)
{
    self->ssl = self->into = self->from = NULL;
    Py_CLEAR(self->tls);
    Py_CLEAR(self->below);
    Py_CLEAR(self->socket);
    Py_CLEAR(self->owner);
    return 0;
}

static void
records_dealloc(Records *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    records_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef records_methods[] = {
    {"dataReceived", (PyCFunction)(void (*)(void))records_data_received,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, data_received_doc},
    {"write", (PyCFunction)(void (*)(void))records_write_one,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, write_doc},
    {"renew", (PyCFunction)(void (*)(void))records_renew,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, renew_doc},
    {"forget", (PyCFunction)records_forget, METH_NOARGS, forget_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef records_members[] = {
    {"tls", T_OBJECT, offsetof(Records, tls), READONLY, "Twisted's TLS transport."},
    {"below", T_OBJECT, offsetof(Records, below), READONLY, "The transport that has the socket."},
    {"open", T_BOOL, offsetof(Records, open), 0,
     "True while data of the application goes both ways, as far as known."},
    {"shakes", T_BOOL, offsetof(Records, shakes), 0,
     "True if the first handshake of TLS goes on here."},
    {"fresh", T_BOOL, offsetof(Records, fresh), 0, "True until `shed` was called."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(records_doc,
"Records(tls, below, pointers, /)\n--\n\n"
"Stands between a TCP transport and the TLS transport on top of it.");

static PyType_Slot records_slots[] = {
    {Py_tp_doc, (void *)records_doc},
    {Py_tp_init, records_init},
    {Py_tp_traverse, records_traverse},
    {Py_tp_clear, records_clear},
    {Py_tp_dealloc, records_dealloc},
    {Py_tp_methods, records_methods},
    {Py_tp_members, records_members},
    {0, NULL},
};

static PyType_Spec records_spec = {
    .name = "txws2._speedups.Records",
    .basicsize = sizeof(Records),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = records_slots,
};

int
add_records(PyObject *module, State *state)
{
    state->records_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &records_spec, NULL);
    return state->records_type == NULL ? -1 : PyModule_AddType(module, state->records_type);
}
