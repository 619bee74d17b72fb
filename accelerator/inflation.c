/* The inflating of whole messages: Inflation, whose twin is in wire/inflation.py. The twin has the
 * attributes only; `finish` in wire/deflater.py does the same in Python, and the rest. */

#include "accelerator.h"
#include <structmember.h>

/* _TAIL and _PIECE_SIZE in wire/deflater.py. */
static const unsigned char TAIL[] = {0x00, 0x00, 0xFF, 0xFF};
enum { TAIL_SIZE = sizeof TAIL, PIECE_SIZE = 64 << 10 };

/* The most bytes of a message that zlib inflates without an object. For more, the object takes a
 * small part of the time, and zlib-ng is faster than zlib. */
enum { SHORT = 2 << 10 };

static void
add_tail(unsigned char *to, const Bytes *payload, const Key *key)
{
    if (key->masked) {
        mask_bytes(to, payload->data, payload->size, key->mask, 0);
    }
    else {
        memcpy(to, payload->data, payload->size);
    }
    memcpy(to + payload->size, TAIL, TAIL_SIZE);
}

/* Inflate a short message that refers to no other; OTHER if that needs `Inflater.inflate`. */
static Found
inflate_apart(State *state, const Inflation *self, const Bytes *payload, const Key *key,
              bool text, long long most, Inflated *inflated)
{
    if (is_set(self->decompressor) || payload->size > SHORT) {
        return OTHER;
    }
    if (state->inflated == NULL) {
        state->inflated = PyMem_Malloc(PIECE_SIZE);
        if (state->inflated == NULL) {
            PyErr_NoMemory();
            return FAILED;
        }
    }
    unsigned char data[SHORT + TAIL_SIZE];
    add_tail(data, payload, key);
    static const Key none;
    inflated->size = inflate_at_once(&state->zlib, self->window_bits, data,
                                     payload->size + TAIL_SIZE, state->inflated, PIECE_SIZE);
    if (inflated->size < 0 || inflated->size > most) {
        return OTHER;
    }
    inflated->message = text ? read_text(state->inflated, inflated->size, &none)
                             : read_binary(state->inflated, inflated->size, &none, 0);
    if (inflated->message == NULL) {
        return is_not_utf8() ? OTHER : FAILED;
    }
    return MESSAGE;
}

/* Have Python code raise the exception for a peer that sends what can't be inflated. */
static void
blame(State *state, Inflation *self)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (call(state, (PyObject *)self, BLAME, value) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return;
    }
    PyErr_Restore(type, value, traceback);
}

/* Tell whether the first piece is the whole message, -1 with an exception. */
static int
is_whole(State *state, PyObject *decompressor, PyObject *piece, long long most)
{
    if (!PyBytes_Check(piece)) {
        PyErr_Format(PyExc_TypeError, "decompress returns bytes, not %s", Py_TYPE(piece)->tp_name);
        return -1;
    }
    if (PyBytes_GET_SIZE(piece) >= PIECE_SIZE || PyBytes_GET_SIZE(piece) > most) {
        return 0;
    }
    int ended = truth(PyObject_GetAttr(decompressor, state->names[ENDED]));
    return ended < 0 ? -1 : !ended;
}

/* Have a decompressor inflate a message, with what follows the first piece; NULL with an exception.
 * Meanwhile, the Inflation has no decompressor, since Python code may run. */
static PyObject *
inflate_with(State *state, Inflation *self, PyObject *decompressor, PyObject *part, long long most)
{
    PyObject *room = PyLong_FromLong(PIECE_SIZE);
    if (room == NULL) {
        return NULL;
    }
    PyObject *arguments[] = {decompressor, part, room};
    PyObject *piece = PyObject_VectorcallMethod(state->names[DECOMPRESS], arguments,
                                                3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(room);
    if (piece == NULL) {
        blame(state, self);
        return NULL;
    }
    int whole = is_whole(state, decompressor, piece, most);
    Py_XSETREF(self->decompressor, Py_NewRef(decompressor));
    if (whole > 0) {
        self->made += PyBytes_GET_SIZE(piece);
        return piece;
    }
    PyObject *limit = whole < 0            ? NULL
                      : most == LLONG_MAX ? Py_NewRef(Py_None)
                                           : PyLong_FromLongLong(most);
    PyObject *all = limit == NULL ? NULL
                                  : PyObject_CallMethodObjArgs((PyObject *)self,
                                                               state->names[GO_ON], piece, limit,
                                                               NULL);
    Py_XDECREF(limit);
    Py_DECREF(piece);
    return all;
}

/* Inflate a message that may refer to those before it; OTHER if no stream has begun. */
static Found
inflate_on(State *state, Inflation *self, const Bytes *payload, const Key *key, bool text,
           long long most, Inflated *inflated)
{
    if (!is_set(self->decompressor)) {
        return OTHER;
    }
    PyObject *part = PyBytes_FromStringAndSize(NULL, payload->size + TAIL_SIZE);
    if (part == NULL) {
        return FAILED;
    }
    add_tail((unsigned char *)PyBytes_AS_STRING(part), payload, key);
    PyObject *decompressor = self->decompressor;
    self->decompressor = NULL;
    self->used = true;
    PyObject *bytes = inflate_with(state, self, decompressor, part, most);
    Py_DECREF(decompressor);
    Py_DECREF(part);
    if (bytes == NULL) {
        return FAILED;
    }
    if (!PyBytes_Check(bytes)) {
        PyErr_Format(PyExc_TypeError, "go_on returns bytes, not %s", Py_TYPE(bytes)->tp_name);
        Py_DECREF(bytes);
        return FAILED;
    }
    inflated->size = PyBytes_GET_SIZE(bytes);
    inflated->message = bytes;
    if (text) {
        inflated->message = decode_text((const unsigned char *)PyBytes_AS_STRING(bytes),
                                        inflated->size);
        Py_DECREF(bytes);
    }
    return inflated->message == NULL ? FAILED : MESSAGE;
}

/* Inflate a whole message of at most so many bytes; OTHER if that needs `Inflater.inflate`. */
Found
inflate_whole(State *state, PyObject *inflater, const Bytes *payload, const Key *key, bool text,
              long long most, Inflated *inflated)
{
    if (inflater == NULL || !PyObject_TypeCheck(inflater, state->inflation_type)) {
        return OTHER;
    }
    Inflation *self = (Inflation *)Py_NewRef(inflater);
    Found found = self->takeover
                      ? inflate_on(state, self, payload, key, text, most, inflated)
                      : inflate_apart(state, self, payload, key, text, most, inflated);
    Py_DECREF(self);
    return found;
}

static void
inflation_dealloc(Inflation *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->decompressor);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef inflation_members[] = {
    {"decompressor", T_OBJECT, offsetof(Inflation, decompressor), 0,
     "The decompressor, None if there is none or it is at work."},
    {"made", T_LONGLONG, offsetof(Inflation, made), 0,
     "The number of bytes that the stream has made."},
    {"window_bits", T_INT, offsetof(Inflation, window_bits), 0,
     "The base-2 logarithm of the window, 9 to 15."},
    {"takeover", T_BOOL, offsetof(Inflation, takeover), 0,
     "True if a message may refer to those before it."},
    {"used", T_BOOL, offsetof(Inflation, used), 0, "Set to True by each message."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(inflation_doc,
"Inflation()\n--\n\n"
"The objects and limits that inflate each message.");

static PyType_Slot inflation_slots[] = {
    {Py_tp_doc, (void *)inflation_doc},
    {Py_tp_dealloc, inflation_dealloc},
    {Py_tp_members, inflation_members},
    {0, NULL},
};

static PyType_Spec inflation_spec = {
    .name = "txws2._speedups.Inflation",
    .basicsize = sizeof(Inflation),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = inflation_slots,
};

int
add_inflation(PyObject *module, State *state)
{
    find_zlib(&state->zlib);
    state->inflation_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &inflation_spec,
                                                                     NULL);
    return state->inflation_type == NULL ? -1 : PyModule_AddType(module, state->inflation_type);
}
