/* The counters and flags of a connection: Tally, whose twin is in wire/counts.py. */

#include "accelerator.h"
#include <structmember.h>

/* The opcodes of the frames that are counted apart: CONT, CLOSE, PING, PONG. */
static const int RARE_OPCODES[RARE] = {0x0, 0x8, 0x9, 0xA};

/* Return the counters of the rare frames, NULL with an exception if there is no memory for them. */
static unsigned long long (*need_rare(Tally *self))[RARE]
{
    if (self->rare == NULL) {
        self->rare = PyMem_Calloc(DIRECTIONS, sizeof(*self->rare));
        if (self->rare == NULL) {
            PyErr_NoMemory();
        }
    }
    return self->rare;
}

/* Count a frame; -1 with an exception. */
int
count_frame(Tally *self, int direction, long opcode)
{
    if (opcode == TEXT || opcode == BINARY) {
        self->messages[direction][opcode == TEXT]++;
        return 0;
    }
    for (int i = 0; i < RARE; i++) {
        if (opcode == RARE_OPCODES[i]) {
            unsigned long long (*rare)[RARE] = need_rare(self);
            if (rare == NULL) {
                return -1;
            }
            rare[direction][i]++;
            return 0;
        }
    }
    PyErr_Format(PyExc_KeyError, "%ld", opcode);
    return -1;
}

static int
count_by_number(Tally *self, int direction, PyObject *number)
{
    long opcode = PyLong_AsLong(number);
    return opcode == -1 && PyErr_Occurred() ? -1 : count_frame(self, direction, opcode);
}

static int
add_number(unsigned long long *sum, PyObject *number)
{
    unsigned long long more = PyLong_AsUnsignedLongLong(number);
    if (more == (unsigned long long)-1 && PyErr_Occurred()) {
        return -1;
    }
    *sum += more;
    return 0;
}

PyDoc_STRVAR(encode_doc,
"encode($self, message, /)\n--\n\n"
"Return the frame of an ordinary message, and count it.");

static PyObject *
tally_encode(Tally *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
             PyObject *names)
{
    if (check_count("encode", count + count_of(names), 1, 1) < 0) {
        return NULL;
    }
    return make_message(PyType_GetModuleState(defining), args[0], self->client, self);
}

PyDoc_STRVAR(count_in_doc,
"count_in($self, opcode, payload, /)\n--\n\n"
"Count a frame that has come.");

static PyObject *
tally_count_in(Tally *self, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("count_in", count, 2, 2) < 0 || add_number(&self->payload[INWARD], args[1]) < 0
        || count_by_number(self, INWARD, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(count_out_doc,
"count_out($self, opcode, payload, size, /)\n--\n\n"
"Count a frame that is to be sent.");

static PyObject *
tally_count_out(Tally *self, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("count_out", count, 3, 3) < 0
        || add_number(&self->payload[OUTWARD], args[1]) < 0
        || add_number(&self->bytes[OUTWARD], args[2]) < 0
        || count_by_number(self, OUTWARD, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(add_doc,
"add($self, other, /)\n--\n\n"
"Add the numbers of another one to these.");

static PyObject *
tally_add(Tally *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
          PyObject *names)
{
    if (check_count("add", count + (names == NULL ? 0 : PyTuple_GET_SIZE(names)), 1, 1) < 0) {
        return NULL;
    }
    Tally *other = tally_of(PyType_GetModuleState(defining), args[0]);
    if (other == NULL || (other->rare != NULL && need_rare(self) == NULL)) {
        return NULL;
    }
    for (int direction = 0; direction < DIRECTIONS; direction++) {
        self->bytes[direction] += other->bytes[direction];
        self->payload[direction] += other->payload[direction];
        self->messages[direction][false] += other->messages[direction][false];
        self->messages[direction][true] += other->messages[direction][true];
        for (int i = 0; other->rare != NULL && i < RARE; i++) {
            self->rare[direction][i] += other->rare[direction][i];
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
frames(const Tally *self, int direction)
{
    static const unsigned long long none[RARE];
    const unsigned long long *rare = self->rare == NULL ? none : self->rare[direction];
    const unsigned long long *messages = self->messages[direction];
    return Py_BuildValue("{iKiKiKiKiKiK}", TEXT, messages[true], BINARY, messages[false],
                         RARE_OPCODES[0], rare[0], RARE_OPCODES[1], rare[1],
                         RARE_OPCODES[2], rare[2], RARE_OPCODES[3], rare[3]);
}

static PyObject *
tally_frames_in(Tally *self, void *Py_UNUSED(closure))
{
    return frames(self, INWARD);
}

static PyObject *
tally_frames_out(Tally *self, void *Py_UNUSED(closure))
{
    return frames(self, OUTWARD);
}

static void
tally_dealloc(Tally *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(self->rare);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef tally_methods[] = {
    {"add", (PyCFunction)(void (*)(void))tally_add, METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
     add_doc},
    {"count_in", (PyCFunction)(void (*)(void))tally_count_in, METH_FASTCALL, count_in_doc},
    {"count_out", (PyCFunction)(void (*)(void))tally_count_out, METH_FASTCALL, count_out_doc},
    {"encode", (PyCFunction)(void (*)(void))tally_encode,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, encode_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef tally_members[] = {
    {"client", T_BOOL, offsetof(Tally, client), 0, "True if this end is the client."},
    {"deflates", T_BOOL, offsetof(Tally, deflates), 0,
     "True if encode compresses messages of threshold bytes and more."},
    {"threshold", T_PYSSIZET, offsetof(Tally, threshold), 0,
     "The number of bytes from which on a message is compressed."},
    {"ordinary_out", T_BOOL, offsetof(Tally, ordinary_out), 0,
     "True if encode may encode the next message."},
    {"bytes_in", T_ULONGLONG, offsetof(Tally, bytes[INWARD]), 0,
     "The number of bytes that have come in frames."},
    {"bytes_out", T_ULONGLONG, offsetof(Tally, bytes[OUTWARD]), 0,
     "The number of bytes of the frames that were made to be sent."},
    {"payload_in", T_ULONGLONG, offsetof(Tally, payload[INWARD]), 0,
     "The number of bytes of the messages that have come, after inflating."},
    {"payload_out", T_ULONGLONG, offsetof(Tally, payload[OUTWARD]), 0,
     "The number of bytes of the messages that were to be sent, before deflating."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef tally_properties[] = {
    {"frames_in", (getter)tally_frames_in, NULL,
     "The number of frames of each opcode that have come.", NULL},
    {"frames_out", (getter)tally_frames_out, NULL,
     "The number of frames of each opcode that were to be sent.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(tally_doc,
"Tally()\n--\n\n"
"Counts each message and frame, and knows whether a message may be sent on the fast path.");

static PyType_Slot tally_slots[] = {
    {Py_tp_doc, (void *)tally_doc},
    {Py_tp_dealloc, tally_dealloc},
    {Py_tp_methods, tally_methods},
    {Py_tp_members, tally_members},
    {Py_tp_getset, tally_properties},
    {0, NULL},
};

static PyType_Spec tally_spec = {
    .name = "txws2._speedups.Tally",
    .basicsize = sizeof(Tally),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = tally_slots,
};

/* Return an object as a Tally, NULL with an exception if it isn't one. An attribute that Python
 * code has deleted is NULL. */
Tally *
tally_of(State *state, PyObject *object)
{
    if (object == NULL || !PyObject_TypeCheck(object, state->tally_type)) {
        PyErr_Format(PyExc_TypeError, "expected a Tally, not %s",
                     object == NULL ? "nothing" : Py_TYPE(object)->tp_name);
        return NULL;
    }
    return (Tally *)object;
}

int
add_tally(PyObject *module, State *state)
{
    state->tally_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &tally_spec, NULL);
    return state->tally_type == NULL ? -1 : PyModule_AddType(module, state->tally_type);
}
