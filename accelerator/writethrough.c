/* Writing straight to the socket, where there is one and nothing is against it, as WriteThrough in
 * writethrough.py has it. What it doesn't take is left to that. */

#include "accelerator.h"
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
/* Where that is unknown, Python has the signal ignored. */
#define MSG_NOSIGNAL 0
#endif

/* TURN_SIZE in cork.py. */
enum { TURN_SIZE = 64 << 10 };

/* Tell whether the socket may be given bytes in this turn of the reactor's. */
bool
may_spend(State *state, Cork *self)
{
    if (self->turn != state->turn) {
        self->turn = state->turn;
        self->through = 0;
    }
    return self->through < TURN_SIZE;
}

/* Tell whether a transport lets others write to its socket now, -1 with an exception. */
static int
lets_write(State *state, PyObject *transport)
{
    static const int against[] = {DISCONNECTING, ABORTING, TLS};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(against); i++) {
        int so = truth(PyObject_GetAttr(transport, state->names[against[i]]));
        if (so != 0) {
            return so < 0 ? -1 : 0;
        }
    }
    return 1;
}

/* Return the descriptor of the socket, -1 if there is none or nothing may be written to it now, -2
 * with an exception. It isn't kept: once the socket is closed, the descriptor may be another's. */
int
descriptor_of(State *state, Cork *self)
{
    if (!is_set(self->socket) || !is_set(self->transport) || !may_spend(state, self)) {
        return -1;
    }
    PyObject *socket = Py_NewRef(self->socket);
    PyObject *transport = Py_NewRef(self->transport);
    int lets = lets_write(state, transport);
    long descriptor = lets < 0 ? -2 : -1;
    if (lets > 0) {
        PyObject *number = PyObject_CallMethodNoArgs(socket, state->names[FILENO]);
        descriptor = number == NULL ? -1 : PyLong_AsLong(number);
        Py_XDECREF(number);
        if (descriptor < 0 && PyErr_Occurred()) {
            descriptor = -2;
        }
    }
    Py_DECREF(socket);
    Py_DECREF(transport);
    return (int)descriptor;
}

/* Give bytes to the socket, if there is one; return how many it has taken. What is wrong with it
 * shows when it is written to again. The GIL is kept: this doesn't wait. */
Py_ssize_t
write_through(Cork *self, int descriptor, const void *data, Py_ssize_t size)
{
    if (descriptor < 0) {
        return 0;
    }
    self->through += size;
    Py_ssize_t sent = send(descriptor, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return Py_MAX(sent, 0);
}
