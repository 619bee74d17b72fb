/* The type of decoder.c for Python: Decoder, whose twin is in wire/decoder.py. */

#include "accelerator.h"
#include <structmember.h>

PyDoc_STRVAR(decode_doc,
"decode($self, data, position, messages, /)\n--\n\n"
"Decode messages up to the first frame that isn't a right part of one.");

/* Decode the messages in a list; return the number of bytes that are left, -1 with an exception. */
static Py_ssize_t
decode_into(State *state, Decoder *self, Bytes rest, PyObject *messages)
{
    Limits limits;
    if (read_limits(self, &limits) < 0) {
        return -1;
    }
    PyObject *message;
    Found found = NOTHING;
    const unsigned long long *payload = &self->tally.payload[INWARD];
    long long most = (long long)*payload + rest.size + MOST_GROWTH;
    while ((found == MESSAGE || found == NOTHING) && rest.size > 0
           && (long long)*payload + rest.size <= most) {
        found = find_next(state, self, &limits, &rest, &message);
        int appended = found != MESSAGE ? 0 : PyList_Append(messages, message);
        if (found == MESSAGE) {
            Py_DECREF(message);
        }
        if (appended < 0) {
            return -1;
        }
    }
    return found == FAILED ? -1 : rest.size;
}

static PyObject *
decoder_decode(Decoder *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
               PyObject *names)
{
    if (check_count("decode", count + count_of(names), 3, 3) < 0) {
        return NULL;
    }
    Bytes bytes;
    if (get_bytes(args[0], &bytes) < 0) {
        return NULL;
    }
    Py_ssize_t position, left = -1;
    if (!PyList_Check(args[2])) {
        PyErr_Format(PyExc_TypeError, "messages is a list, not %s", Py_TYPE(args[2])->tp_name);
    }
    else if (get_place(args[1], bytes.size, &position) == 0) {
        Bytes rest = {.data = bytes.data + position, .size = bytes.size - position};
        left = decode_into(PyType_GetModuleState(defining), self, rest, args[2]);
    }
    Py_DECREF(bytes.owner);
    return left < 0 ? NULL : PyLong_FromSsize_t(bytes.size - left);
}

PyDoc_STRVAR(take_part_doc,
"take_part($self, /)\n--\n\n"
"Return the part of the unfinished message that has come.");

static PyObject *
decoder_take_part(Decoder *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
                  Py_ssize_t count, PyObject *names)
{
    if (check_count("take_part", count + count_of(names), 0, 0) < 0) {
        return NULL;
    }
    if (self->unfinished == NULL || !self->unfinished->begun) {
        PyErr_SetString(PyExc_ValueError, "no message is unfinished");
        return NULL;
    }
    return take_part(PyType_GetModuleState(defining), self->unfinished);
}

static PyObject *
get_missing(Decoder *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(self->unfinished == NULL ? 0 : self->unfinished->missing);
}

static PyObject *
get_fragmented(Decoder *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->unfinished != NULL && self->unfinished->begun);
}

static PyObject *
get_unfinished(Decoder *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSsize_t(waiting(self->unfinished));
}

static PyObject *
get_held(Decoder *self, void *Py_UNUSED(closure))
{
    const Unfinished *kept = self->unfinished;
    return PyBytes_FromStringAndSize(kept == NULL ? NULL : (const char *)kept->head,
                                     kept == NULL ? 0 : kept->held);
}

static int
set_held(Decoder *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyBytes_Check(value) || PyBytes_GET_SIZE(value) > HEAD_SIZE) {
        PyErr_Format(PyExc_TypeError, "held is bytes, at most %d", HEAD_SIZE);
        return -1;
    }
    return hold(self, (const unsigned char *)PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
}

static void
decoder_dealloc(Decoder *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->max_size);
    Py_XDECREF(self->max_fragments);
    Py_XDECREF(self->inflater);
    free_unfinished(self->unfinished);
    PyMem_Free(self->tally.rare);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef decoder_methods[] = {
    {"decode", (PyCFunction)(void (*)(void))decoder_decode,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, decode_doc},
    {"take_part", (PyCFunction)(void (*)(void))decoder_take_part,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, take_part_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef decoder_members[] = {
    {"max_size", T_OBJECT, offsetof(Decoder, max_size), 0,
     "The largest incoming message, in bytes; None for no limit."},
    {"max_fragments", T_OBJECT, offsetof(Decoder, max_fragments), 0,
     "The most frames of one incoming message; None for no limit."},
    {"inflater", T_OBJECT, offsetof(Decoder, inflater), 0,
     "The Inflater; None before the first compressed message."},
    {"discarding", T_BOOL, offsetof(Decoder, tally.discarding), 0,
     "True if all further bytes of the peer are discarded."},
    {"inflates", T_BOOL, offsetof(Decoder, tally.inflates), 0,
     "True if compressed messages may come."},
    {"ordinary_in", T_BOOL, offsetof(Decoder, tally.ordinary_in), 0,
     "True if decode alone may decode the next bytes."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef decoder_properties[] = {
    {"fragmented", (getter)get_fragmented, NULL, "True if a message has begun and not ended.",
     NULL},
    {"held", (getter)get_held, (setter)set_held,
     "The beginning of a frame whose header isn't complete, or of a control frame.", NULL},
    {"missing", (getter)get_missing, NULL,
     "The number of bytes of the current frame's payload that haven't arrived.", NULL},
    {"unfinished", (getter)get_unfinished, NULL,
     "The number of bytes that have come of a message that hasn't ended.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(decoder_doc,
"Decoder()\n--\n\n"
"Decodes and counts messages; keeps one whose end hasn't come.");

static PyType_Slot decoder_slots[] = {
    {Py_tp_doc, (void *)decoder_doc},
    {Py_tp_dealloc, decoder_dealloc},
    {Py_tp_methods, decoder_methods},
    {Py_tp_members, decoder_members},
    {Py_tp_getset, decoder_properties},
    {0, NULL},
};

static PyType_Spec decoder_spec = {
    .name = "txws2._speedups.Decoder",
    .basicsize = sizeof(Decoder),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = decoder_slots,
};

/* Its base is Tally, which was added before. */
int
add_decoder(PyObject *module, State *state)
{
    state->decoder_type = (PyTypeObject *)PyType_FromModuleAndSpec(
        module, &decoder_spec, (PyObject *)state->tally_type);
    return state->decoder_type == NULL ? -1 : PyModule_AddType(module, state->decoder_type);
}
