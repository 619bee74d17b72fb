/* An Exchange sends an ordinary message. */

#include "accelerator.h"

/* Tell whether a message may be too large to be copied. */
static bool
is_large(const Tally *tally, PyObject *message)
{
    return !tally->client && PyBytes_Check(message) && PyBytes_GET_SIZE(message) >= LARGE;
}

/* Encode a message into the cork if it keeps frames now, else write the message's frame. */
static int
send_ordinary(State *state, Cork *outbox, Tally *tally, PyObject *message)
{
    if (outbox->corked) {
        return cork_message(state, outbox, message, tally);
    }
    if (is_large(tally, message)) {
        int ready = cork_is_ready(outbox);
        if (ready != 0) {
            return ready < 0 || cork_message(state, outbox, message, tally) < 0
                       ? -1
                       : cork_flush(state, outbox);
        }
    }
    PyObject *frame = make_message(state, message, tally->client, tally);
    int sent = frame == NULL ? -1 : cork_write(state, outbox, frame);
    Py_XDECREF(frame);
    return sent;
}

/* Send a message on the fast path if that is possible; return whether it was sent, -1 with an
 * exception. */
int
send_fast(State *state, Exchange *self, PyObject *message)
{
    if (!(PyUnicode_Check(message) || PyBytes_Check(message)) || !may_send(self)) {
        return 0;
    }
    Tally *tally = (Tally *)Py_NewRef(self->connection);
    Cork *outbox = (Cork *)Py_NewRef(self->outbox);
    int sent = send_ordinary(state, outbox, tally, message);
    Py_DECREF(outbox);
    Py_DECREF(tally);
    return sent < 0 ? -1 : 1;
}

/* Send a message on the fast path if that is possible; else, with `send_otherwise`. */
int
send_message(State *state, Exchange *self, PyObject *const *args, Py_ssize_t count,
             PyObject *names)
{
    if (count == 1 && names == NULL) {
        int sent = send_fast(state, self, args[0]);
        if (sent != 0) {
            return sent < 0 ? -1 : 0;
        }
    }
    PyObject *otherwise = PyObject_GetAttr((PyObject *)self, state->names[SEND_OTHERWISE]);
    PyObject *sent = otherwise == NULL ? NULL : PyObject_Vectorcall(otherwise, args, count, names);
    Py_XDECREF(otherwise);
    Py_XDECREF(sent);
    return sent == NULL ? -1 : 0;
}
