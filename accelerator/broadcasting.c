/* A frame for many connections: send_where_ready, whose twin is in handle.py. */

#include "accelerator.h"

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

/* Send a frame on one connection, if that takes it at once; return whether it was sent, -1 with an
 * exception. */
static int
send_if_ready(State *state, Exchange *self, PyObject *frame, const Outgoing *outgoing,
              Py_ssize_t size)
{
    if (!may_send(self) || self->connection->client || self->connection->deflates) {
        return 0;
    }
    Tally *tally = (Tally *)Py_NewRef(self->connection);
    Cork *outbox = (Cork *)Py_NewRef(self->outbox);
    int sent = write_if_ready(state, outbox, tally, frame, outgoing, size);
    Py_DECREF(outbox);
    Py_DECREF(tally);
    return sent;
}

/* Likewise for the handle of a connection; an error ends that connection, and no other. */
static int
send_to(State *state, PyObject *handle, PyObject *frame, const Outgoing *outgoing, Py_ssize_t size)
{
    if (!PyObject_TypeCheck(handle, state->handle_type)) {
        return 0;
    }
    Exchange *driver = driver_of(state, handle);
    if (driver == NULL) {
        return -1;
    }
    Py_INCREF(driver);
    int sent = send_if_ready(state, driver, frame, outgoing, size);
    if (sent < 0) {
        sent = exchange_report(state, driver, MESSAGE_FAILED);
    }
    Py_DECREF(driver);
    return sent;
}

PyDoc_STRVAR(send_where_ready_doc,
"send_where_ready($module, handles, frame, text, size, /)\n--\n\n"
"Send a frame on all connections that take it at once; return the others.");

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
    PyObject *handles = PyObject_GetIter(args[0]);
    PyObject *handle;
    while (others != NULL && handles != NULL && (handle = PyIter_Next(handles)) != NULL) {
        int sent = send_to(state, handle, args[1], &outgoing, frame.size);
        if (sent < 0 || (sent == 0 && PyList_Append(others, handle) < 0)) {
            Py_CLEAR(others);
        }
        Py_DECREF(handle);
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(others);
    }
    Py_XDECREF(handles);
    Py_DECREF(frame.owner);
    return others;
}

static PyMethodDef functions[] = {
    {"send_where_ready", (PyCFunction)(void (*)(void))send_where_ready, METH_FASTCALL,
     send_where_ready_doc},
    {NULL, NULL, 0, NULL},
};

int
add_broadcasting(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
