/* Pull style: recv and send of a Handle, as long as neither of them has to wait. */

#include "accelerator.h"

/* Find the classes of Deferreds that may be made without calling them; None if there are none. */
int
find_prompts(State *state)
{
    if (state->received != NULL) {
        return 0;
    }
    PyObject *lean = PyImport_ImportModule("txws2._deferreds.lean");
    PyObject *names = lean == NULL ? NULL : PyImport_ImportModule("txws2._private_names");
    PyObject *found[4] = {NULL};
    if (names != NULL && (found[0] = PyObject_GetAttrString(lean, "RECEIVED")) != NULL
        && (found[1] = PyObject_GetAttrString(lean, "STEP")) != NULL
        && (found[2] = PyObject_GetAttrString(lean, "DONE")) != NULL
        && (found[3] = PyObject_GetAttrString(names, "current_loop")) != NULL) {
        Py_XSETREF(state->received, Py_NewRef(found[0]));
        Py_XSETREF(state->step, Py_NewRef(found[1]));
        Py_XSETREF(state->done, Py_NewRef(found[2]));
        Py_XSETREF(state->current_loop, Py_NewRef(found[3]));
    }
    for (int i = 0; i < 4; i++) {
        Py_XDECREF(found[i]);
    }
    Py_XDECREF(lean);
    Py_XDECREF(names);
    return state->received == NULL ? -1 : 0;
}

/* Tell whether a loop of asyncio runs, -1 with an exception. */
static int
loop_runs(State *state)
{
    PyObject *function = state->current_loop;
    /* asyncio's own function in C is called without the detour, as this is done for each message. */
    PyObject *loop = PyCFunction_CheckExact(function)
                             && PyCFunction_GET_FLAGS(function) == METH_NOARGS
                         ? PyCFunction_GET_FUNCTION(function)(PyCFunction_GET_SELF(function), NULL)
                         : PyObject_CallNoArgs(function);
    int runs = loop == NULL ? -1 : loop != Py_None;
    Py_XDECREF(loop);
    return runs;
}

/* Return a Deferred of the next message; NULL if there is more to it, or with an exception. */
static PyObject *
receive_now(State *state, Exchange *driver)
{
    Queue *queue = queue_of(driver->receiver);
    if (queue == NULL || is_elsewhere(driver) || find_prompts(state) < 0
        || state->received == Py_None || loop_runs(state) != 0) {
        return NULL;
    }
    Py_INCREF(queue);
    PyObject *message = queue_take(state, queue);
    PyObject *received = NULL;
    if (message != NULL) {
        received = new_prompt(state->received, NULL, message);
        Py_DECREF(message);
    }
    else if (!PyErr_Occurred()) {
        received = queue_wait(queue, state->received);
    }
    Py_DECREF(queue);
    return received;
}

static PyObject *
call_driver(State *state, Exchange *driver, int name, PyObject *const *args, Py_ssize_t count,
            PyObject *names)
{
    PyObject *method = PyObject_GetAttr((PyObject *)driver, state->names[name]);
    PyObject *result = method == NULL ? NULL : PyObject_Vectorcall(method, args, count, names);
    Py_XDECREF(method);
    return result;
}

PyObject *
handle_recv(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
            PyObject *names)
{
    State *state = PyType_GetModuleState(defining);
    Exchange *driver = driver_of(state, self);
    if (driver == NULL) {
        return NULL;
    }
    Py_INCREF(driver);
    PyObject *received = count + count_of(names) == 0 ? receive_now(state, driver) : NULL;
    if (received == NULL && !PyErr_Occurred()) {
        received = call_driver(state, driver, RECV_OTHERWISE, args, count, names);
    }
    Py_DECREF(driver);
    return received;
}

/* Send a message; return a Deferred that has fired if more can be sent. NULL if it wasn't sent, or
 * with an exception. */
static PyObject *
send_now(State *state, Exchange *driver, PyObject *message)
{
    if (find_prompts(state) < 0 || state->done == Py_None) {
        return NULL;
    }
    int sent = send_short(state, driver, message);
    if (sent <= 0) {
        if (sent < 0 && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            /* The general way fails, too, and returns a Deferred that has failed. */
            PyErr_Clear();
        }
        return NULL;
    }
    PyObject *outbox = Py_NewRef(driver->outbox == NULL ? Py_None : (PyObject *)driver->outbox);
    int ready = driver->outbox == NULL ? 0 : cork_is_ready((Cork *)outbox);
    if (ready == 0) {
        /* Frames wait, but mostly fewer than write_limit. */
        int over = truth(PyObject_CallMethodNoArgs(outbox, state->names[OVER_LIMIT]));
        ready = over < 0 ? -1 : !over;
    }
    PyObject *done = ready < 0   ? NULL
                     : ready > 0 ? new_prompt(state->done, NULL, Py_None)
                                 : PyObject_CallMethodNoArgs(outbox, state->names[DRAINED]);
    Py_DECREF(outbox);
    return done;
}

PyObject *
handle_send(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
            PyObject *names)
{
    State *state = PyType_GetModuleState(defining);
    Exchange *driver = driver_of(state, self);
    if (driver == NULL) {
        return NULL;
    }
    Py_INCREF(driver);
    PyObject *sent = count == 1 && names == NULL ? send_now(state, driver, args[0]) : NULL;
    if (sent == NULL && !PyErr_Occurred()) {
        sent = call_driver(state, driver, SEND_AND_WAIT, args, count, names);
    }
    Py_DECREF(driver);
    return sent;
}
