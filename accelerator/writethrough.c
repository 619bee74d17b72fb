/* Writing straight to the socket, where there is one and nothing is against it, as WriteThrough in
 * socket_writer.py has it. What it doesn't take is left to that. */

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

/* Tell whether something is so with a transport, -1 with an exception. */
static int
is_so(State *state, PyObject *transport, int name)
{
    return truth(PyObject_GetAttr(transport, state->names[name]));
}

/* Tell whether something is so with a transport that may know nothing of it; -1 with an exception. */
static int
is_so_if_known(State *state, PyObject *transport, int name)
{
    int so = is_so(state, transport, name);
    if (so < 0 && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        so = 0;
    }
    return so;
}

/* Tell whether somebody has closed or aborted the transport, -1 with an exception. While a shared
 * epoll reads for it, nobody has: whatever closes it ends this first. */
int
has_hung_up(State *state, Cork *self)
{
    if (!is_set(self->transport) || cork_is_read(self)) {
        return 0;
    }
    bool has_socket = is_set(self->socket);
    PyObject *transport = Py_NewRef(self->transport);
    int hung_up = is_so_if_known(state, transport, DISCONNECTING);
    if (hung_up == 0 && has_socket) {
        hung_up = is_so_if_known(state, transport, ABORTING);
    }
    Py_DECREF(transport);
    return hung_up;
}

/* Return the descriptor of a transport's socket, -1 if there is none or nothing may be written to
 * it now, -2 with an exception. */
static int
ask_for_descriptor(State *state, PyObject *transport, PyObject *socket)
{
    int ends = is_so(state, transport, DISCONNECTING);
    if (ends == 0) {
        ends = is_so(state, transport, ABORTING);
    }
    if (ends != 0) {
        return ends < 0 ? -2 : -1;
    }
    PyObject *number = PyObject_CallMethodNoArgs(socket, state->names[FILENO]);
    long descriptor = number == NULL ? -1 : PyLong_AsLong(number);
    Py_XDECREF(number);
    return descriptor < 0 && PyErr_Occurred() ? -2 : (int)descriptor;
}

/* Return the descriptor that may be written to now, -1 if there is none, -2 with an exception.
 *
 * Once the socket is closed, the descriptor may be another's, so it is asked for each time; unless
 * a shared epoll reads for the transport. Whatever closes that, or begins to, ends this first. */
int
descriptor_of(State *state, Cork *self)
{
    if (!is_set(self->socket) || !is_set(self->transport) || !may_spend(state, self)) {
        return -1;
    }
    PyObject *socket = Py_NewRef(self->socket);
    PyObject *transport = Py_NewRef(self->transport);
    int descriptor = -1;
    int tls = is_so(state, transport, TLS);
    if (tls == 0) {
        descriptor = cork_is_read(self) ? self->descriptor
                                   : ask_for_descriptor(state, transport, socket);
    }
    Py_DECREF(socket);
    Py_DECREF(transport);
    return tls < 0 ? -2 : descriptor;
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
