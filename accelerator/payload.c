/* Payloads that arrive over many reads: PayloadBuffer, whose twin is in wire/payload.py. */

#include "accelerator.h"


/* Payloads that can be used again. */

/* Return bytes of this size that nobody else refers to; NULL if there are none. Their contents are
 * undefined. */
static PyObject *
take_spare(State *state, long long size)
{
    for (int i = 0; i < SPARES; i++) {
        PyObject *spare = state->spares[i];
        if (spare == NULL || Py_REFCNT(spare) > 1 || PyBytes_GET_SIZE(spare) < size
            || PyBytes_GET_SIZE(spare) / 2 > size) {
            continue;
        }
        state->spares[i] = NULL;
        if (_PyBytes_Resize(&spare, (Py_ssize_t)size) < 0) {
            PyErr_Clear();
            return NULL;
        }
        /* The bytes may have been hashed when their contents were others. */
_Py_COMP_DIAG_PUSH
_Py_COMP_DIAG_IGNORE_DEPR_DECLS
        ((PyBytesObject *)spare)->ob_shash = -1;
_Py_COMP_DIAG_POP
        return spare;
    }
    return NULL;
}

/* Remember a payload that is being given out, if its size makes it worth while. */
static void
keep_spare(State *state, PyObject *payload)
{
    Py_ssize_t size = PyBytes_GET_SIZE(payload);
    if (size < LEAST_SPARE || size > MOST_SPARE) {
        return;
    }
    Py_INCREF(payload);
    Py_XSETREF(state->spares[state->next_spare], payload);
    state->next_spare = (state->next_spare + 1) % SPARES;
}


/* A payload that arrives over many reads. */

typedef struct {
    PyObject_HEAD
    PyObject *payload;      /* Bytes that nobody else refers to, or NULL before the first. */
    long long length;       /* From the header; may be more than this machine's memory. */
    Py_ssize_t arrived;
    bool masked;
    unsigned char mask[MASK_SIZE];
} PayloadBuffer;

/* Read a length that a header can have: 63 bits, on every machine (RFC 6455 section 5.2). */
static int
get_length(PyObject *announced, long long *length)
{
    PyObject *number = PyNumber_Index(announced);
    if (number == NULL) {
        return -1;
    }
    int overflow;
    *length = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (*length < 0) {
        PyErr_Format(PyExc_ValueError, "a payload has from 0 to 2**63 - 1 bytes, not %S", number);
    }
    Py_DECREF(number);
    return *length < 0 ? -1 : 0;
}

static PyObject *
payload_buffer_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    if (keywords != NULL && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "PayloadBuffer() takes no keyword arguments");
        return NULL;
    }
    if (check_count("PayloadBuffer", count, 2, 2) < 0) {
        return NULL;
    }
    long long length;
    if (get_length(PyTuple_GET_ITEM(args, 0), &length) < 0) {
        return NULL;
    }
    const unsigned char *mask = NULL;
    if (PyTuple_GET_ITEM(args, 1) != Py_None) {
        mask = get_mask(PyTuple_GET_ITEM(args, 1));
        if (mask == NULL) {
            return NULL;
        }
    }
    PayloadBuffer *self = (PayloadBuffer *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->length = length;
    if (mask != NULL) {
        self->masked = true;
        memcpy(self->mask, mask, MASK_SIZE);
    }
    return (PyObject *)self;
}

static void
payload_buffer_dealloc(PayloadBuffer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->payload);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Make room for `size` bytes more. The room doubles, so that the bytes are seldom moved. It
 * depends on the bytes that have arrived, so that a length in a header takes no memory. */
static int
make_room(PayloadBuffer *self, Py_ssize_t size)
{
    long long room = self->payload == NULL ? 0 : PyBytes_GET_SIZE(self->payload);
    long long needed = (long long)self->arrived + size;
    if (needed <= room) {
        return 0;
    }
    room = room > self->length / 2 ? self->length : room * 2;
    if (room < needed || room > PY_SSIZE_T_MAX) {
        room = needed;
    }
    if (room > PY_SSIZE_T_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    if (self->payload == NULL) {
        self->payload = take_spare(PyType_GetModuleState(Py_TYPE(self)), self->length);
        if (self->payload == NULL) {
            self->payload = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);
        }
        return self->payload == NULL ? -1 : 0;
    }
    if (_PyBytes_Resize(&self->payload, (Py_ssize_t)room) < 0) {
        /* The bytes that had arrived are lost. */
        self->length = self->arrived = 0;
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(payload_buffer_add_doc,
"add($self, data, start=0, /)\n--\n\n"
"Take the bytes of the payload that have arrived; return their number.");

static PyObject *
payload_buffer_add(PayloadBuffer *self, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("add", count, 1, 2) < 0) {
        return NULL;
    }
    Bytes bytes;
    if (get_bytes(args[0], &bytes) < 0) {
        return NULL;
    }
    Py_ssize_t start = 0;
    if (count == 2 && get_place(args[1], bytes.size, &start) < 0) {
        goto error;
    }
    Py_ssize_t size = (Py_ssize_t)Py_MIN(bytes.size - start, self->length - self->arrived);
    if (size > 0) {
        if (make_room(self, size) < 0) {
            goto error;
        }
        unsigned char *to = (unsigned char *)PyBytes_AS_STRING(self->payload) + self->arrived;
        if (self->masked) {
            mask_bytes(to, bytes.data + start, size, self->mask, self->arrived % MASK_SIZE);
        }
        else {
            memcpy(to, bytes.data + start, size);
        }
        self->arrived += size;
    }
    Py_DECREF(bytes.owner);
    return PyLong_FromSsize_t(size);

error:
    Py_DECREF(bytes.owner);
    return NULL;
}

PyDoc_STRVAR(payload_buffer_finish_doc,
"finish($self, /)\n--\n\n"
"Return the bytes that have arrived. Afterwards nothing is missing, or taken.");

static PyObject *
payload_buffer_finish(PayloadBuffer *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *payload = self->payload;
    Py_ssize_t arrived = self->arrived;
    self->payload = NULL;
    self->length = self->arrived = 0;
    if (payload == NULL) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    if (PyBytes_GET_SIZE(payload) != arrived && _PyBytes_Resize(&payload, arrived) < 0) {
        return NULL;
    }
    keep_spare(PyType_GetModuleState(Py_TYPE(self)), payload);
    return payload;
}

static PyObject *
payload_buffer_missing(PayloadBuffer *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(self->length - self->arrived);
}

static PyMethodDef payload_buffer_methods[] = {
    {"add", (PyCFunction)(void (*)(void))payload_buffer_add, METH_FASTCALL,
     payload_buffer_add_doc},
    {"finish", (PyCFunction)payload_buffer_finish, METH_NOARGS, payload_buffer_finish_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef payload_buffer_properties[] = {
    {"missing", (getter)payload_buffer_missing, NULL, "The number of bytes that haven't arrived.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(payload_buffer_doc,
"PayloadBuffer(length, mask, /)\n--\n\n"
"Collects a payload as it arrives, and unmasks it.");

static PyType_Slot payload_buffer_slots[] = {
    {Py_tp_doc, (void *)payload_buffer_doc},
    {Py_tp_new, payload_buffer_new},
    {Py_tp_dealloc, payload_buffer_dealloc},
    {Py_tp_methods, payload_buffer_methods},
    {Py_tp_getset, payload_buffer_properties},
    {0, NULL},
};

static PyType_Spec payload_buffer_spec = {
    .name = "txws2._speedups.PayloadBuffer",
    .basicsize = sizeof(PayloadBuffer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = payload_buffer_slots,
};

int
add_payload_buffer(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &payload_buffer_spec, NULL);
    int added = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return added;
}
