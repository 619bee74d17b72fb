/* How an Exchange sends what is ordinary, to one or to many; send_where_ready has its twin in
 * exchange.py. */

#include "accelerator.h"

/* Encode a message into the cork, or write its frame if that is open. */
static int
send_ordinary(State *state, Exchange *self, Tally *tally, PyObject *message)
{
    PyObject *outbox = Py_NewRef(self->outbox);
    bool is_cork = PyObject_TypeCheck(outbox, state->cork_type);
    int sent = -1;
    if (is_cork && ((Cork *)outbox)->corked) {
        sent = cork_message(state, (Cork *)outbox, message, tally);
    }
    else {
        PyObject *frame = make_message(state, message, tally->client, tally);
        if (frame != NULL) {
            sent = is_cork ? cork_write(state, (Cork *)outbox, frame)
                           : call(state, outbox, WRITE, frame);
            Py_DECREF(frame);
        }
    }
    Py_DECREF(outbox);
    return sent;
}

/* Return the Tally if nothing is against sending a whole message now, the short way; NULL if
 * something is, or with an exception. */
static Tally *
may_send(State *state, Exchange *self)
{
    if (!is_set(self->connection) || !is_set(self->outbox) || is_set(self->turns)
        || is_elsewhere(self)) {
        return NULL;
    }
    Tally *tally = tally_of(state, self->connection);
    return tally != NULL && tally->ordinary_out ? tally : NULL;
}

/* Send a message the short way, if nothing is against it; return whether it was sent, -1 with an
 * exception. */
int
send_short(State *state, Exchange *self, PyObject *message)
{
    if (!PyUnicode_Check(message) && !PyBytes_Check(message)) {
        return 0;
    }
    Tally *tally = may_send(state, self);
    if (tally == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_INCREF(tally);
    int sent = send_ordinary(state, self, tally, message);
    Py_DECREF(tally);
    return sent < 0 ? -1 : 1;
}


/* To many. */

/* Write a frame and count it, if the cork is ready for it; return whether it was, -1 with an
 * exception. */
static int
write_if_ready(State *state, Cork *outbox, Tally *tally, PyObject *frame, const Outgoing *outgoing,
               Py_ssize_t size)
{
    int ready = cork_is_ready(outbox);
    if (ready > 0) {
        count_message_out(tally, outgoing, size);
        ready = cork_write(state, outbox, frame) < 0 ? -1 : 1;
    }
    return ready;
}

/* Send a frame on one connection, if nothing is against it; return whether it was sent, -1 with an
 * exception. */
static int
send_if_ready(State *state, Exchange *self, PyObject *frame, const Outgoing *outgoing,
              Py_ssize_t size)
{
    Tally *tally = may_send(state, self);
    if (tally == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *outbox = self->outbox;
    if (tally->client || tally->deflates || !PyObject_TypeCheck(outbox, state->cork_type)) {
        return 0;
    }
    Py_INCREF(tally);
    Py_INCREF(outbox);
    int sent = write_if_ready(state, (Cork *)outbox, tally, frame, outgoing, size);
    Py_DECREF(outbox);
    Py_DECREF(tally);
    return sent;
}

PyDoc_STRVAR(send_where_ready_doc,
"send_where_ready($module, exchanges, frame, text, size, /)\n--\n\n"
"Send a frame on all connections where nothing is against it; return the others.");

static PyObject *
send_where_ready(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("send_where_ready", count, 4, 4) < 0) {
        return NULL;
    }
    State *state = PyModule_GetState(module);
    int text = PyObject_IsTrue(args[2]);
    Outgoing outgoing = {.first = text ? TEXT : BINARY, .size = PyLong_AsSsize_t(args[3])};
    if (text < 0 || PyErr_Occurred()) {
        return NULL;
    }
    Bytes frame;
    if (get_bytes(args[1], &frame) < 0) {
        return NULL;
    }
    PyObject *others = PyList_New(0);
    PyObject *exchanges = PyObject_GetIter(args[0]);
    PyObject *exchange;
    while (others != NULL && exchanges != NULL && (exchange = PyIter_Next(exchanges)) != NULL) {
        int sent = 0;
        if (PyObject_TypeCheck(exchange, state->exchange_type)) {
            sent = send_if_ready(state, (Exchange *)exchange, args[1], &outgoing, frame.size);
            if (sent < 0) {
                /* The others are to have it all the same. */
                sent = exchange_report(state, (Exchange *)exchange, MESSAGE_FAILED);
            }
        }
        if (sent < 0 || (sent == 0 && PyList_Append(others, exchange) < 0)) {
            Py_CLEAR(others);
        }
        Py_DECREF(exchange);
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(others);
    }
    Py_XDECREF(exchanges);
    Py_DECREF(frame.owner);
    return others;
}

static PyMethodDef functions[] = {
    {"send_where_ready", (PyCFunction)(void (*)(void))send_where_ready, METH_FASTCALL,
     send_where_ready_doc},
    {NULL, NULL, 0, NULL},
};

int
add_sending(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
