/* The way that ordinary messages take, in both directions: Exchange, whose twin is in exchange.py. */

#include "accelerator.h"
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    PyObject *connection;
    PyObject *outbox;
    PyObject *turns;
    PyObject *held;
    char heard;
    char shut;
    char busy;
} Exchange;

/* Whether what was read as NULL, so that None can't be told from nothing, is there. */
static bool
is_set(PyObject *object)
{
    return object != NULL && object != Py_None;
}

static int
call(State *state, PyObject *object, int name, PyObject *argument)
{
    PyObject *arguments[] = {object, argument};
    size_t count = argument == NULL ? 1 : 2;
    PyObject *result = PyObject_VectorcallMethod(
        state->names[name], arguments, count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Say what messageReceived has raised, unless it is to end more than that. */
static int
report(State *state, Exchange *self)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    int reported = call(state, (PyObject *)self, MESSAGE_FAILED, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return reported;
}

/* Give the ordinary messages at the beginning of a read to the application, as long as it takes
 * them. Return where they end, -1 with an exception. */
static Py_ssize_t
deliver(State *state, Exchange *self, Tally *tally, const Bytes *read)
{
    if (self->shut || !tally->ordinary_in) {
        return 0;
    }
    long long most;
    if (get_most(tally->max_size, &most) < 0) {
        return -1;
    }
    bool masked = !tally->client;
    Py_ssize_t position = 0;
    Frame frame;
    while (!self->shut
           && read_frame(read->data + position, read->size - position, masked, most, 0,
                         &frame)) {
        PyObject *message = read_message(&frame);
        if (message == NULL) {
            /* Text that isn't UTF-8 is as any other frame that isn't ordinary. */
            if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
                return -1;
            }
            PyErr_Clear();
            break;
        }
        Py_ssize_t end = frame.payload + frame.size - read->data;
        count_message_in(tally, &frame);
        tally->bytes[INWARD] += end - position;
        position = end;
        int delivered = call(state, (PyObject *)self, MESSAGE_RECEIVED, message);
        Py_DECREF(message);
        if (delivered < 0 && report(state, self) < 0) {
            return -1;
        }
    }
    return position;
}

/* Let the general way have what has arrived meanwhile. */
static int
receive_held(State *state, Exchange *self)
{
    while (is_set(self->held)) {
        PyObject *held = self->held;
        self->held = NULL;
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(held); i++) {
            PyObject *data = PyList_GET_ITEM(held, i);
            if (call(state, (PyObject *)self, RECEIVE, data) < 0) {
                Py_DECREF(held);
                return -1;
            }
        }
        Py_DECREF(held);
    }
    return 0;
}

static int
receive(State *state, Exchange *self, PyObject *data)
{
    Bytes read;
    if (get_bytes(data, &read) < 0) {
        return -1;
    }
    Tally *tally = tally_of(state, self->connection);
    Py_XINCREF(tally);
    Py_ssize_t position = tally == NULL ? -1 : deliver(state, self, tally, &read);
    Py_XDECREF(tally);
    int received = position < 0 ? -1 : 0;
    if (position == 0) {
        received = call(state, (PyObject *)self, RECEIVE, data);
    }
    else if (position > 0 && position < read.size) {
        PyObject *rest = PyBytes_FromStringAndSize((const char *)read.data + position,
                                                   read.size - position);
        received = rest == NULL ? -1 : call(state, (PyObject *)self, RECEIVE, rest);
        Py_XDECREF(rest);
    }
    Py_DECREF(read.owner);
    return received < 0 ? -1 : receive_held(state, self);
}

static int
hold(Exchange *self, PyObject *data)
{
    if (!is_set(self->held)) {
        PyObject *held = PyList_New(0);
        if (held == NULL) {
            return -1;
        }
        Py_XSETREF(self->held, held);
    }
    return PyList_Append(self->held, data);
}

PyDoc_STRVAR(data_received_doc,
"dataReceived($self, data, /)\n--\n\n"
"Take what the transport has read.");

static PyObject *
exchange_data_received(Exchange *self, PyTypeObject *defining, PyObject *const *args,
                       Py_ssize_t count, PyObject *names)
{
    if (check_count("dataReceived", count + (names == NULL ? 0 : PyTuple_GET_SIZE(names)), 1, 1)
        < 0) {
        return NULL;
    }
    State *state = PyType_GetModuleState(defining);
    if (!is_set(self->connection)) {
        if (call(state, (PyObject *)self, RECEIVE_OPENING, args[0]) < 0) {
            return NULL;
        }
        Py_RETURN_NONE;
    }
    if (self->busy) {
        if (hold(self, args[0]) < 0) {
            return NULL;
        }
        Py_RETURN_NONE;
    }
    PyObject *outbox = self->outbox;
    if (outbox == NULL || call(state, outbox, CORK, NULL) < 0) {
        return NULL;
    }
    Py_INCREF(outbox);
    self->heard = self->busy = true;
    PyObject *type = NULL, *value, *traceback;
    if (receive(state, self, args[0]) < 0) {
        PyErr_Fetch(&type, &value, &traceback);
    }
    self->busy = false;
    int uncorked = call(state, outbox, UNCORK, NULL);
    Py_DECREF(outbox);
    if (type != NULL) {
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    if (uncorked < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Encode a message into the cork, or write its frame if that is open. */
static int
send_ordinary(State *state, Exchange *self, Tally *tally, PyObject *message)
{
    PyObject *outbox = self->outbox;
    if (PyObject_TypeCheck(outbox, state->cork_type) && ((Cork *)outbox)->corked) {
        Cork *cork = (Cork *)outbox;
        if (cork_message(state, cork, message, tally) < 0) {
            return -1;
        }
        return cork->size > BATCH_SIZE ? call(state, outbox, FLUSH, NULL) : 0;
    }
    PyObject *frame = make_message(state, message, tally->client, tally);
    if (frame == NULL) {
        return -1;
    }
    int written = call(state, outbox, WRITE, frame);
    Py_DECREF(frame);
    return written;
}

PyDoc_STRVAR(send_message_doc,
"sendMessage($self, message, text=None, *, compress=None)\n--\n\n"
"Send a message without waiting; for push code, as `send` otherwise.");

static PyObject *
exchange_send_message(Exchange *self, PyTypeObject *defining, PyObject *const *args,
                      Py_ssize_t count, PyObject *names)
{
    State *state = PyType_GetModuleState(defining);
    if (count == 1 && names == NULL && is_set(self->connection) && is_set(self->outbox)
        && !is_set(self->turns) && (PyUnicode_Check(args[0]) || PyBytes_Check(args[0]))) {
        Tally *tally = tally_of(state, self->connection);
        if (tally == NULL) {
            return NULL;
        }
        if (tally->ordinary_out) {
            Py_INCREF(tally);
            int sent = send_ordinary(state, self, tally, args[0]);
            Py_DECREF(tally);
            return sent < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    PyObject *otherwise = PyObject_GetAttr((PyObject *)self, state->names[SEND_OTHERWISE]);
    if (otherwise == NULL) {
        return NULL;
    }
    PyObject *sent = PyObject_Vectorcall(otherwise, args, count, names);
    Py_DECREF(otherwise);
    return sent;
}

static int
exchange_traverse(Exchange *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->connection);
    Py_VISIT(self->outbox);
    Py_VISIT(self->turns);
    Py_VISIT(self->held);
    return 0;
}

static int
exchange_clear(Exchange *self)
{
    Py_CLEAR(self->connection);
    Py_CLEAR(self->outbox);
    Py_CLEAR(self->turns);
    Py_CLEAR(self->held);
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
    {"dataReceived", (PyCFunction)(void (*)(void))exchange_data_received,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, data_received_doc},
    {"sendMessage", (PyCFunction)(void (*)(void))exchange_send_message,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, send_message_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef exchange_members[] = {
    {"keepalive_heard", T_BOOL, offsetof(Exchange, heard), 0,
     "Whether anything has arrived since it was last set to False."},
    {"_connection", T_OBJECT, offsetof(Exchange, connection), 0, NULL},
    {"_outbox", T_OBJECT, offsetof(Exchange, outbox), 0, NULL},
    {"_turns", T_OBJECT, offsetof(Exchange, turns), 0, NULL},
    {"_held", T_OBJECT, offsetof(Exchange, held), 0, NULL},
    {"_shut", T_BOOL, offsetof(Exchange, shut), 0, NULL},
    {"_busy", T_BOOL, offsetof(Exchange, busy), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(exchange_doc,
"Exchange()\n--\n\n"
"Stands between a transport and an application.");

static PyType_Slot exchange_slots[] = {
    {Py_tp_doc, (void *)exchange_doc},
    {Py_tp_traverse, exchange_traverse},
    {Py_tp_clear, exchange_clear},
    {Py_tp_dealloc, exchange_dealloc},
    {Py_tp_methods, exchange_methods},
    {Py_tp_members, exchange_members},
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
add_exchange(PyObject *module)
{
    PyObject *exchange = PyType_FromModuleAndSpec(module, &exchange_spec, NULL);
    int added = exchange == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)exchange);
    Py_XDECREF(exchange);
    return added;
}
