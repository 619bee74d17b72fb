/* Writing straight to the socket, as WriteThrough in _transport/socket_writer.py does. The bytes
 * that the socket doesn't take are left to WriteThrough. */

#include "accelerator.h"
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef MSG_NOSIGNAL
/* On systems without this flag, it isn't needed: Python has the signal SIGPIPE ignored. */
#define MSG_NOSIGNAL 0
#endif

/* TURN_SIZE in _transport/cork.py. */
enum { TURN_SIZE = 256 << 10 };

/* Tell whether the socket may be given more bytes in this turn of the reactor. */
bool
may_spend(State *state, Cork *self)
{
    if (self->turn != state->turn) {
        self->turn = state->turn;
        self->through = 0;
    }
    return self->through < TURN_SIZE;
}

/* Tell whether an attribute of a transport is true, -1 with an exception. */
static int
is_so(State *state, PyObject *transport, int name)
{
    return truth(PyObject_GetAttr(transport, state->names[name]));
}

/* Tell whether a transport has an attribute that is true, -1 with an exception. */
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

/* Tell whether the transport was closed or aborted, -1 with an exception. It can't have been while
 * a shared epoll reads for it: closing it ends the reading first. */
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

/* Return the descriptor of a transport's socket; -1 if there is none, or if it may not be written
 * to now; -2 with an exception. */
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
 * Once the socket is closed, another one may have its descriptor. So the socket is asked each time,
 * unless a shared epoll reads for the transport: closing the transport ends the reading first. */
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

/* Give bytes to the socket, if there is one; return the number that it has taken. An error of the
 * socket shows again at the next write. The GIL is kept, since this doesn't wait. */
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

/* The same with bytes of two places. */
Py_ssize_t
write_both_through(Cork *self, int descriptor, const Bytes *first, const Bytes *second)
{
    struct iovec places[] = {
        {.iov_base = (void *)first->data, .iov_len = first->size},
        {.iov_base = (void *)second->data, .iov_len = second->size},
    };
    struct msghdr message = {.msg_iov = places, .msg_iovlen = 2};
    self->through += first->size + second->size;
    Py_ssize_t sent = sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return Py_MAX(sent, 0);
}
