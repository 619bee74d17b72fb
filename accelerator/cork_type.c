/* The type Cork, whose twin is in _transport/cork.py. The twin leaves each write to its subclass;
 * here, the socket is tried first. */

#include "accelerator.h"
#include <structmember.h>

PyDoc_STRVAR(cork_add_doc,
"add($self, frame, /)\n--\n\n"
"Add a frame; return the number of bytes in the cork now.");

static PyObject *
method_add(Cork *self, PyObject *frame)
{
    Bytes bytes;
    if (get_bytes(frame, &bytes) < 0) {
        return NULL;
    }
    int added = cork_add(self, &bytes);
    Py_DECREF(bytes.owner);
    return added < 0 ? NULL : PyLong_FromSsize_t(self->size);
}

PyDoc_STRVAR(cork_take_doc,
"take($self, /)\n--\n\n"
"Return all frames, b\"\" if there are none, and leave none.");

static PyObject *
method_take(Cork *self, PyObject *Py_UNUSED(ignored))
{
    return cork_take(self);
}

PyDoc_STRVAR(cork_write_doc,
"write($self, frame, /)\n--\n\n"
"Write a frame, after all those before it.");

static PyObject *
cork_write_one(Cork *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
               PyObject *names)
{
    if (check_count("write", count + count_of(names), 1, 1) < 0
        || cork_write(PyType_GetModuleState(defining), self, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(cork_cork_doc,
"cork($self, /)\n--\n\n"
"Keep all frames that are written until `uncork`, so that they leave in one piece.");

static PyObject *
cork_cork(Cork *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
          Py_ssize_t count, PyObject *names)
{
    int ready;
    if (check_count("cork", count + count_of(names), 0, 0) < 0
        || (ready = cork_is_ready(self)) < 0) {
        return NULL;
    }
    State *state = PyType_GetModuleState(defining);
    state->turn++;
    self->corked = (char)ready;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(cork_uncork_doc,
"uncork($self, /)\n--\n\n"
"Write the frames that have been kept.");

static PyObject *
cork_uncork(Cork *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
            Py_ssize_t count, PyObject *names)
{
    if (check_count("uncork", count + count_of(names), 0, 0) < 0) {
        return NULL;
    }
    State *state = PyType_GetModuleState(defining);
    int later = 0;
    if (self->unhurried) {
        later = truth(PyObject_CallMethodNoArgs((PyObject *)self, state->names[PUT_OFF]));
    }
    if (later == 0) {
        self->corked = false;
        later = cork_flush(state, self);
    }
    return later < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(cork_flush_doc,
"flush($self, /)\n--\n\n"
"Write the frames that have been kept so far.");

static PyObject *
method_flush(Cork *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
           Py_ssize_t count, PyObject *names)
{
    if (check_count("flush", count + count_of(names), 0, 0) < 0
        || cork_flush(PyType_GetModuleState(defining), self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(cork_hung_up_doc,
"hung_up($self, /)\n--\n\n"
"Tell whether the transport was closed or aborted.");

static PyObject *
cork_hung_up(Cork *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
             Py_ssize_t count, PyObject *names)
{
    if (check_count("hung_up", count + count_of(names), 0, 0) < 0) {
        return NULL;
    }
    int hung_up = has_hung_up(PyType_GetModuleState(defining), self);
    return hung_up < 0 ? NULL : PyBool_FromLong(hung_up);
}

PyDoc_STRVAR(cork_spend_doc,
"_spend($self, size, /)\n--\n\n"
"Tell whether the socket may be given more bytes in this turn; if so, count them.");

static PyObject *
cork_spend(Cork *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
           PyObject *names)
{
    if (check_count("_spend", count + count_of(names), 1, 1) < 0) {
        return NULL;
    }
    Py_ssize_t size = PyLong_AsSsize_t(args[0]);
    if (size == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (!may_spend(PyType_GetModuleState(defining), self)) {
        Py_RETURN_FALSE;
    }
    self->through += size;
    Py_RETURN_TRUE;
}

static PyObject *
cork_ready(Cork *self, void *Py_UNUSED(closure))
{
    int ready = cork_is_ready(self);
    return ready < 0 ? NULL : PyBool_FromLong(ready);
}

static int
cork_traverse(Cork *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->transport);
    Py_VISIT(self->socket);
    Py_VISIT(self->readers);
    Py_VISIT(self->waiting);
    return 0;
}

static int
cork_clear(Cork *self)
{
    Py_CLEAR(self->transport);
    Py_CLEAR(self->socket);
    Py_CLEAR(self->readers);
    Py_CLEAR(self->waiting);
    return 0;
}

static void
cork_dealloc(Cork *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    cork_clear(self);
    Py_CLEAR(self->frames);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef cork_methods[] = {
    {"add", (PyCFunction)method_add, METH_O, cork_add_doc},
    {"cork", (PyCFunction)(void (*)(void))cork_cork,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, cork_cork_doc},
    {"flush", (PyCFunction)(void (*)(void))method_flush,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, cork_flush_doc},
    {"hung_up", (PyCFunction)(void (*)(void))cork_hung_up,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, cork_hung_up_doc},
    {"take", (PyCFunction)method_take, METH_NOARGS, cork_take_doc},
    {"uncork", (PyCFunction)(void (*)(void))cork_uncork,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, cork_uncork_doc},
    {"write", (PyCFunction)(void (*)(void))cork_write_one,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, cork_write_doc},
    {"_spend", (PyCFunction)(void (*)(void))cork_spend,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, cork_spend_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef cork_members[] = {
    {"corked", T_BOOL, offsetof(Cork, corked), 0,
     "True if a frame that is written now is kept until uncork."},
    {"paused", T_BOOL, offsetof(Cork, paused), 0,
     "True if a frame that is written now has to wait."},
    {"unhurried", T_BOOL, offsetof(Cork, unhurried), 0,
     "True if frames that were kept during a read may leave a moment after its end."},
    {"_descriptor", T_INT, offsetof(Cork, descriptor), 0, NULL},
    {"_readers", T_OBJECT, offsetof(Cork, readers), 0, NULL},
    {"_socket", T_OBJECT, offsetof(Cork, socket), 0, NULL},
    {"_through", T_PYSSIZET, offsetof(Cork, through), 0, NULL},
    {"_transport", T_OBJECT, offsetof(Cork, transport), 0, NULL},
    {"_waiting", T_OBJECT, offsetof(Cork, waiting), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef cork_properties[] = {
    {"ready", (getter)cork_ready, NULL, "True if a frame may be written without waiting.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(cork_doc,
"Cork()\n--\n\n"
"Lets frames leave at once, or together.");

static PyType_Slot cork_slots[] = {
    {Py_tp_doc, (void *)cork_doc},
    {Py_tp_traverse, cork_traverse},
    {Py_tp_clear, cork_clear},
    {Py_tp_dealloc, cork_dealloc},
    {Py_tp_methods, cork_methods},
    {Py_tp_members, cork_members},
    {Py_tp_getset, cork_properties},
    {0, NULL},
};

static PyType_Spec cork_spec = {
    .name = "txws2._speedups.Cork",
    .basicsize = sizeof(Cork),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = cork_slots,
};

int
add_cork(PyObject *module, State *state)
{
    state->cork_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &cork_spec, NULL);
    return state->cork_type == NULL ? -1 : PyModule_AddType(module, state->cork_type);
}
