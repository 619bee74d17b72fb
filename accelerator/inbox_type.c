/* The type of inbox.c for Python: MessageQueue, whose twin is in message_queue.py. */

#include "accelerator.h"
#include <structmember.h>

PyDoc_STRVAR(put_doc,
"put($self, message, /)\n--\n\n"
"Take a message that has arrived; `wake` wakes its reader.");

PyDoc_STRVAR(message_received_doc,
"messageReceived($self, message, /)\n--\n\n"
"Take a message that has arrived; `wake` wakes its reader.");

static PyObject *
method_put(Queue *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
           PyObject *names)
{
    if (check_count("put", count + count_of(names), 1, 1) < 0
        || queue_put(PyType_GetModuleState(defining), self, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(wake_doc,
"wake($self, /)\n--\n\n"
"Wake the reader, if one waits and there is a message; pause reading if too many are left.");

static PyObject *
method_wake(Queue *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
            Py_ssize_t count, PyObject *names)
{
    if (check_count("wake", count + count_of(names), 0, 0) < 0
        || queue_wake(PyType_GetModuleState(defining), self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(append_doc, "append($self, item, /)\n--\n\nAdd an item at the end.");

static PyObject *
method_append(Queue *self, PyObject *item)
{
    if (queue_append(self, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(prepend_doc, "prepend($self, item, /)\n--\n\nAdd an item before all others.");

static PyObject *
method_prepend(Queue *self, PyObject *item)
{
    if (queue_prepend(self, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(pop_doc, "pop($self, /)\n--\n\nTake the first item.");

static PyObject *
method_pop(Queue *self, PyObject *Py_UNUSED(ignored))
{
    if (self->count == 0) {
        PyErr_SetString(PyExc_IndexError, "pop from an empty MessageQueue");
        return NULL;
    }
    return queue_pop(self);
}

static PyObject *
get_waiting(Queue *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(self->count);
}

static PyObject *
get_full(Queue *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->count >= self->limit);
}

static PyObject *
get_roomy(Queue *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(queue_has_room(self));
}

static int
queue_init(Queue *self, PyObject *args, PyObject *options)
{
    PyObject *limit;
    static char *words[] = {"max_queue", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, options, "O:MessageQueue", words, &limit)) {
        return -1;
    }
    self->limit = UINT32_MAX;
    if (limit != Py_None) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(limit, &overflow);
        if (number == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (overflow == 0 && number < UINT32_MAX) {
            self->limit = number < 0 ? 0 : (uint32_t)number;
        }
    }
    self->taking = self->plain = true;
    return 0;
}

static int
queue_traverse(Queue *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->reader);
    for (uint32_t i = 0; i < self->count; i++) {
        Py_VISIT(self->items[self->first + i]);
    }
    return 0;
}

static int
queue_clear(Queue *self)
{
    Py_CLEAR(self->reader);
    PyObject **items = self->items;
    uint32_t first = self->first, count = self->count;
    self->items = NULL;
    self->first = self->count = self->room = 0;
    for (uint32_t i = 0; i < count; i++) {
        Py_DECREF(items[first + i]);
    }
    PyMem_Free(items);
    return 0;
}

static void
queue_dealloc(Queue *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    queue_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef queue_methods[] = {
    {"put", (PyCFunction)(void (*)(void))method_put,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, put_doc},
    {"messageReceived", (PyCFunction)(void (*)(void))method_put,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, message_received_doc},
    {"wake", (PyCFunction)(void (*)(void))method_wake,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, wake_doc},
    {"append", (PyCFunction)method_append, METH_O, append_doc},
    {"prepend", (PyCFunction)method_prepend, METH_O, prepend_doc},
    {"pop", (PyCFunction)method_pop, METH_NOARGS, pop_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef queue_members[] = {
    {"reader", T_OBJECT, offsetof(Queue, reader), 0, "Waits for the next message, or None."},
    {"size", T_PYSSIZET, offsetof(Queue, size), 0, "Bytes of the messages that wait."},
    {"taking", T_BOOL, offsetof(Queue, taking), 0, "True if `put` keeps each message."},
    {"plain", T_BOOL, offsetof(Queue, plain), 0, "True if whoever asks gets the next message."},
    {"pausing", T_BOOL, offsetof(Queue, pausing), 0, "True if reading was paused."},
    {"asked", T_BOOL, offsetof(Queue, asked), 0, "True once somebody has asked for a message."},
    {"ended", T_BOOL, offsetof(Queue, ended), 0, "True if no more messages come."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef queue_properties[] = {
    {"waiting", (getter)get_waiting, NULL, "The number of messages that wait here.", NULL},
    {"full", (getter)get_full, NULL, "True if as many messages wait as may wait.", NULL},
    {"roomy", (getter)get_roomy, NULL, "True if no more than a quarter of these wait.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(queue_doc,
"MessageQueue(max_queue)\n--\n\n"
"Messages in the order of their arrival, and the one reader that waits for the next.");

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, (void *)queue_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, queue_init},
    {Py_am_aiter, PyObject_SelfIter},
    {Py_am_anext, queue_next},
    {Py_tp_traverse, queue_traverse},
    {Py_tp_clear, queue_clear},
    {Py_tp_dealloc, queue_dealloc},
    {Py_tp_methods, queue_methods},
    {Py_tp_members, queue_members},
    {Py_tp_getset, queue_properties},
    {0, NULL},
};

static PyType_Spec queue_spec = {
    .name = "txws2._speedups.MessageQueue",
    .basicsize = sizeof(Queue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = queue_slots,
};

int
add_inbox(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &queue_spec, NULL);
    int added = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return added;
}
