/* Pull style: recv and send of a Handle, as long as neither of them has to wait. */

#include "accelerator.h"

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

/* Return a Deferred of the next message; NULL with an exception. */
PyObject *
receive_message(State *state, Exchange *driver, PyObject *const *args, Py_ssize_t count,
                PyObject *names)
{
    PyObject *received = count + count_of(names) == 0 ? receive_now(state, driver) : NULL;
    return received != NULL || PyErr_Occurred()
               ? received
               : call_driver(state, driver, RECV_OTHERWISE, args, count, names);
}

/* Send a message; return a Deferred that has fired if more can be sent. NULL if it wasn't sent, or
 * with an exception. */
static PyObject *
send_now(State *state, Exchange *driver, PyObject *message)
{
    if (find_prompts(state) < 0 || state->done == Py_None) {
        return NULL;
    }
    int sent = send_fast(state, driver, message);
    if (sent <= 0) {
        if (sent < 0 && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            /* `send_and_wait` of the driver fails, too, and returns a Deferred that has failed. */
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
                     : ready > 0 ? new_done(state)
                                 : PyObject_CallMethodNoArgs(outbox, state->names[DRAINED]);
    Py_DECREF(outbox);
    return done;
}

/* Send a message; return a Deferred that fires when more can be sent. NULL with an exception. */
PyObject *
send_and_wait(State *state, Exchange *driver, PyObject *const *args, Py_ssize_t count,
              PyObject *names)
{
    PyObject *sent = count == 1 && names == NULL ? send_now(state, driver, args[0]) : NULL;
    return sent != NULL || PyErr_Occurred()
               ? sent
               : call_driver(state, driver, SEND_AND_WAIT, args, count, names);
}
