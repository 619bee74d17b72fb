/* What keeps frames, so that they leave in one piece: Cork, whose twin is in cork.py. */

#include "accelerator.h"
#include <structmember.h>

/* What is allocated when a second frame comes. */
enum { LEAST_ROOM = 1024 };

/* Return where `size` bytes more can be written, NULL if there is no memory for them. */
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

/* Encode a message behind the frames that are there, and count it. */
int
cork_message(State *state, Cork *self, PyObject *message, Tally *tally)
{
    Bytes payload;
    int first;
    if (get_message(message, &payload, &first) < 0) {
        return -1;
    }
    Py_ssize_t size = frame_size(payload.size, tally->client);
    unsigned char *to = size < 0 ? NULL : cork_room(self, size);
    int written = to == NULL ? -1 : write_frame(state, to, first, &payload, tally->client);
    if (written == 0) {
        self->size += size;
        count_message_out(tally, first == (FIN | TEXT), payload.size, size);
    }
    Py_DECREF(payload.owner);
    return written;
}

PyDoc_STRVAR(cork_add_doc,
"add($self, frame, /)\n--\n\n"
"Add a frame; return how many bytes there are now.");

static PyObject *
cork_add(Cork *self, PyObject *frame)
{
    Bytes bytes;
    if (get_bytes(frame, &bytes) < 0) {
        return NULL;
    }
    unsigned char *to = cork_room(self, bytes.size);
    if (to != NULL) {
        memcpy(to, bytes.data, bytes.size);
        self->size += bytes.size;
    }
    Py_DECREF(bytes.owner);
    return to == NULL ? NULL : PyLong_FromSsize_t(self->size);
}

PyDoc_STRVAR(cork_take_doc,
"take($self, /)\n--\n\n"
"Return them all, b\"\" if there are none; none is left.");

static PyObject *
cork_take(Cork *self, PyObject *Py_UNUSED(ignored))
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

static void
cork_dealloc(Cork *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->frames);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef cork_methods[] = {
    {"add", (PyCFunction)cork_add, METH_O, cork_add_doc},
    {"take", (PyCFunction)cork_take, METH_NOARGS, cork_take_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef cork_members[] = {
    {"corked", T_BOOL, offsetof(Cork, corked), 0,
     "Whether what is written now is to be added to them."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(cork_doc,
"Cork()\n--\n\n"
"Frames that are to leave together.");

static PyType_Slot cork_slots[] = {
    {Py_tp_doc, (void *)cork_doc},
    {Py_tp_dealloc, cork_dealloc},
    {Py_tp_methods, cork_methods},
    {Py_tp_members, cork_members},
    {0, NULL},
};

static PyType_Spec cork_spec = {
    .name = "txws2._speedups.Cork",
    .basicsize = sizeof(Cork),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = cork_slots,
};

int
add_cork(PyObject *module, State *state)
{
    state->cork_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &cork_spec, NULL);
    return state->cork_type == NULL ? -1 : PyModule_AddType(module, state->cork_type);
}
