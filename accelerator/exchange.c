/* The way of all data: Exchange, whose twin is in exchange.py. Its receiving is in receiving.c, and its
 * sending in sending.c. */

#include "accelerator.h"
#include <structmember.h>

/* Take bytes that were read while the connection is open and no other read is being processed. */
static int
work_off(State *state, Exchange *self, const Bytes *read)
{
    if (self->outbox == NULL) {
        PyErr_SetString(PyExc_AttributeError, "an open connection has no outbox");
        return -1;
    }
    Cork *outbox = (Cork *)Py_NewRef(self->outbox);
    if (call(state, (PyObject *)outbox, CORK, NULL) < 0) {
        Py_DECREF(outbox);
        return -1;
    }
    self->heard = self->busy = true;
    PyObject *type = NULL, *value, *traceback;
    Decoder *decoder = (Decoder *)Py_XNewRef(self->connection);
    if (decoder != NULL && receive(state, self, outbox, decoder, read) < 0) {
        PyErr_Fetch(&type, &value, &traceback);
    }
    Py_XDECREF(decoder);
    self->busy = false;
    int uncorked = call(state, (PyObject *)outbox, UNCORK, NULL);
    Py_DECREF(outbox);
    if (type != NULL) {
        PyErr_Restore(type, value, traceback);
        return -1;
    }
    return uncorked;
}

/* Tell whether the bytes that come now are taken at once, without a copy of them. */
bool
exchange_begins(const Exchange *self)
{
    return self->connection == NULL
           || (!self->busy && is_fast((const Decoder *)self->connection));
}

int
exchange_take(State *state, Exchange *self, const Bytes *read)
{
    if (self->connection != NULL) {
        return work_off(state, self, read);
    }
    PyObject *data = bytes_from(read, 0);
    int taken = data == NULL ? -1 : call(state, (PyObject *)self, RECEIVE_OPENING, data);
    Py_XDECREF(data);
    return taken;
}

/* Take bytes that a transport has read. */
int
exchange_receive(State *state, Exchange *self, PyObject *data)
{
    if (self->connection == NULL) {
        return call(state, (PyObject *)self, RECEIVE_OPENING, data);
    }
    if (self->busy) {
        return call(state, (PyObject *)self, HOLD_READ, data);
    }
    Bytes read;
    if (get_bytes(data, &read) < 0) {
        return -1;
    }
    int taken = work_off(state, self, &read);
    Py_DECREF(read.owner);
    return taken;
}

PyDoc_STRVAR(data_received_doc,
"data_received($self, data, /)\n--\n\n"
"Take bytes that the transport has read.");

static PyObject *
exchange_data_received(Exchange *self, PyTypeObject *defining, PyObject *const *args,
                       Py_ssize_t count, PyObject *names)
{
    if (check_count("data_received", count + count_of(names), 1, 1) < 0
        || exchange_receive(PyType_GetModuleState(defining), self, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(give_messages_doc,
"give_messages($self, events, position, /)\n--\n\n"
"Give messages to the receiver, as long as nothing is against it.");

static PyObject *
exchange_give_messages(Exchange *self, PyTypeObject *defining, PyObject *const *args,
                       Py_ssize_t count, PyObject *names)
{
    if (check_count("give_messages", count + count_of(names), 2, 2) < 0) {
        return NULL;
    }
    if (!PyList_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "events are a list, not %s", Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    Py_ssize_t position;
    if (get_place(args[1], PyList_GET_SIZE(args[0]), &position) < 0) {
        return NULL;
    }
    Cork *outbox = (Cork *)Py_XNewRef(self->outbox);
    if (outbox != NULL) {
        position = give_messages(PyType_GetModuleState(defining), self, outbox, args[0], position);
        Py_DECREF(outbox);
    }
    return position < 0 ? NULL : PyLong_FromSsize_t(position);
}

PyDoc_STRVAR(wake_doc,
"wake($self, /)\n--\n\n"
"Wake the reader that waits for messages in pull style.");

static PyObject *
exchange_wake(Exchange *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
              Py_ssize_t count, PyObject *names)
{
    if (check_count("wake", count + count_of(names), 0, 0) < 0
        || wake(PyType_GetModuleState(defining), self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(keep_thread_doc,
"keep_thread($self, /)\n--\n\n"
"Belong to this thread from now on.");

static PyObject *
exchange_keep_thread(Exchange *self, PyObject *Py_UNUSED(ignored))
{
    self->thread = this_thread();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_elsewhere_doc,
"is_elsewhere($self, /)\n--\n\n"
"Tell whether this is called in another thread than the one that it belongs to.");

static PyObject *
exchange_is_elsewhere(Exchange *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(is_elsewhere(self));
}

PyDoc_STRVAR(send_ordinary_doc,
"send_ordinary($self, message, /)\n--\n\n"
"Send a message on the fast path if that is possible; return whether it was sent.");

static PyObject *
exchange_send_ordinary(Exchange *self, PyTypeObject *defining, PyObject *const *args,
                       Py_ssize_t count, PyObject *names)
{
    if (check_count("send_ordinary", count + count_of(names), 1, 1) < 0) {
        return NULL;
    }
    int sent = send_fast(PyType_GetModuleState(defining), self, args[0]);
    return sent < 0 ? NULL : PyBool_FromLong(sent);
}

PyDoc_STRVAR(send_message_doc,
"send_message($self, message, text=None, *, compress=None)\n--\n\n"
"Send a message on the fast path if that is possible; else, with `send_otherwise`.");

static PyObject *
exchange_send_message(Exchange *self, PyTypeObject *defining, PyObject *const *args,
                      Py_ssize_t count, PyObject *names)
{
    if (send_message(PyType_GetModuleState(defining), self, args, count, names) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* A slot only ever has a value of its type, so that nobody has to check again. */
static int
set_slot(PyObject **slot, PyTypeObject *type, PyObject *value)
{
    if (value == Py_None) {
        value = NULL;
    }
    if (value != NULL && !PyObject_TypeCheck(value, type)) {
        PyErr_Format(PyExc_TypeError, "expected a %s, not %s", type->tp_name,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    Py_XINCREF(value);
    Py_XSETREF(*slot, value);
    return 0;
}

static PyObject *
get_connection(Exchange *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->connection == NULL ? Py_None : (PyObject *)self->connection);
}

static int
set_connection(Exchange *self, PyObject *value, void *Py_UNUSED(closure))
{
    State *state = state_for(Py_TYPE(self));
    return state == NULL ? -1
                         : set_slot((PyObject **)&self->connection, state->decoder_type, value);
}

static PyObject *
get_outbox(Exchange *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->outbox == NULL ? Py_None : (PyObject *)self->outbox);
}

static int
set_outbox(Exchange *self, PyObject *value, void *Py_UNUSED(closure))
{
    State *state = state_for(Py_TYPE(self));
    return state == NULL ? -1 : set_slot((PyObject **)&self->outbox, state->cork_type, value);
}

static int
exchange_traverse(Exchange *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->receiver);
    Py_VISIT(self->connection);
    Py_VISIT(self->outbox);
    Py_VISIT(self->turns);
    return 0;
}

static int
exchange_clear(Exchange *self)
{
    Py_CLEAR(self->receiver);
    Py_CLEAR(self->connection);
    Py_CLEAR(self->outbox);
    Py_CLEAR(self->turns);
    return 0;
}

static void
exchange_dealloc(Exchange *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    exchange_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef exchange_methods[] = {
    {"data_received", (PyCFunction)(void (*)(void))exchange_data_received,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, data_received_doc},
    {"give_messages", (PyCFunction)(void (*)(void))exchange_give_messages,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, give_messages_doc},
    {"send_message", (PyCFunction)(void (*)(void))exchange_send_message,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, send_message_doc},
    {"send_ordinary", (PyCFunction)(void (*)(void))exchange_send_ordinary,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, send_ordinary_doc},
    {"wake", (PyCFunction)(void (*)(void))exchange_wake,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, wake_doc},
    {"is_elsewhere", (PyCFunction)exchange_is_elsewhere, METH_NOARGS, is_elsewhere_doc},
    {"keep_thread", (PyCFunction)exchange_keep_thread, METH_NOARGS, keep_thread_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef exchange_members[] = {
    {"receiver", T_OBJECT, offsetof(Exchange, receiver), 0, "The object that gets the messages."},
    {"turns", T_OBJECT, offsetof(Exchange, turns), 0,
     "The lock for messages that may have to wait for each other; None until needed."},
    {"heard", T_BOOL, offsetof(Exchange, heard), 0,
     "True if anything has arrived since it was last set to False."},
    {"shut", T_BOOL, offsetof(Exchange, shut), 0, "True if received messages may not take the fast path."},
    {"busy", T_BOOL, offsetof(Exchange, busy), 0, "True while a read is being processed."},
    {"holds", T_BOOL, offsetof(Exchange, holds), 0,
     "True if reads wait that arrived meanwhile."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *
get_opened(Exchange *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->connection != NULL);
}

static PyGetSetDef exchange_properties[] = {
    {"connection", (getter)get_connection, (setter)set_connection,
     "The wire.Connection; None until it is open.", NULL},
    {"opened", (getter)get_opened, NULL, "True if the connection is open, or was.", NULL},
    {"outbox", (getter)get_outbox, (setter)set_outbox, "The Cork that frames go to.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(exchange_doc,
"Exchange()\n--\n\n"
"Stands between a transport and the receiver of its messages.");

static PyType_Slot exchange_slots[] = {
    {Py_tp_doc, (void *)exchange_doc},
    {Py_tp_traverse, exchange_traverse},
    {Py_tp_clear, exchange_clear},
    {Py_tp_dealloc, exchange_dealloc},
    {Py_tp_methods, exchange_methods},
    {Py_tp_members, exchange_members},
    {Py_tp_getset, exchange_properties},
    {0, NULL},
};

static PyType_Spec exchange_spec = {
    .name = "txws2._speedups.Exchange",
    .basicsize = sizeof(Exchange),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = exchange_slots,
};

int
add_exchange(PyObject *module, State *state)
{
    state->exchange_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &exchange_spec, NULL);
    return state->exchange_type == NULL ? -1 : PyModule_AddType(module, state->exchange_type);
}
