/* Reading straight from the socket: read_through, whose twin is in socket_reader.py.
 *
 * The twin has the transport read, which makes new bytes for each read, and two calls before the
 * messages are decoded. Here, the messages are decoded in the buffer of the read, in the usual
 * case; else, the transport reads. `make twins TWIN=read_through` shows what that saves: 4 % of an
 * echo.
 */

#include "accelerator.h"
#include <errno.h>
#include <sys/socket.h>

/* The size of a read of a transport with large messages, _LARGE_READ in capabilities.py; and the
 * size of its reads here, where no read takes memory of its own. */
enum { LARGE_READ = 120 << 10, ROOM = 256 << 10 };

/* Tell whether doRead is Twisted's own, -1 with an exception. */
static int
is_twisted_s(State *state, PyObject *do_read)
{
    if (state->do_read == NULL) {
        PyObject *tcp = PyImport_ImportModule("twisted.internet.tcp");
        PyObject *type = tcp == NULL ? NULL : PyObject_GetAttrString(tcp, "Connection");
        Py_XDECREF(tcp);
        state->do_read = type == NULL ? NULL : PyObject_GetAttr(type, state->names[DO_READ]);
        Py_XDECREF(type);
        if (state->do_read == NULL) {
            return -1;
        }
    }
    return PyMethod_Check(do_read) && PyMethod_GET_FUNCTION(do_read) == state->do_read;
}

/* Return the number of bytes that the transport would read, 0 if there is no room for so many, -1
 * with an exception. */
static Py_ssize_t
get_size(State *state, PyObject *transport)
{
    PyObject *size = PyObject_GetAttr(transport, state->names[BUFFER_SIZE]);
    Py_ssize_t wanted = size == NULL ? -1 : PyLong_AsSsize_t(size);
    Py_XDECREF(size);
    if (wanted < 0 && PyErr_Occurred()) {
        return -1;
    }
    if (state->read == NULL) {
        state->read = PyMem_Malloc(ROOM);
        if (state->read == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return wanted > LARGE_READ ? 0 : wanted;
}

/* Return the object that a read may go straight to, and the number of bytes to read: the driver of
 * the protocol, or the Records of its TLS; NULL if it may not, or with an exception. */
static PyObject *
find_taker(State *state, PyObject *transport, PyObject *do_read, Py_ssize_t *size)
{
    /* A messageReceived that runs the reactor may have called this. */
    if (state->reading || is_twisted_s(state, do_read) <= 0) {
        return NULL;
    }
    PyObject *protocol = PyObject_GetAttr(transport, state->names[PROTOCOL]);
    if (protocol == NULL) {
        return NULL;
    }
    PyObject *taker = NULL;
    if (PyObject_TypeCheck(protocol, state->records_type)) {
        taker = Py_NewRef(protocol);
    }
    else if (is_ours(state, protocol) > 0) {
        Exchange *driver = driver_of(state, protocol);
        if (driver != NULL && exchange_begins(driver)) {
            taker = Py_NewRef((PyObject *)driver);
        }
    }
    Py_DECREF(protocol);
    if (taker != NULL) {
        *size = get_size(state, transport);
        if (*size == LARGE_READ && !PyObject_TypeCheck(taker, state->records_type)) {
            *size = ROOM;
        }
        if (*size > 0) {
            return taker;
        }
    }
    Py_XDECREF(taker);
    return NULL;
}

static int
hand_over(State *state, PyObject *taker, const Bytes *read)
{
    return PyObject_TypeCheck(taker, state->records_type)
               ? records_take(state, (Records *)taker, *read, true)
               : exchange_take(state, (Exchange *)taker, read);
}

static PyObject *
end(State *state, PyObject *transport, bool lost)
{
    if (!lost) {
        /* It finds the same, and knows the reason. */
        return PyObject_CallMethodNoArgs(transport, state->names[DO_READ]);
    }
    PyObject *main = PyImport_ImportModule("twisted.internet.main");
    PyObject *why = main == NULL ? NULL : PyObject_GetAttrString(main, "CONNECTION_LOST");
    Py_XDECREF(main);
    return why;
}

/* Have a transport read, as its doRead does; NULL with an exception. */
PyObject *
read_once(State *state, PyObject *transport, int descriptor)
{
    PyObject *do_read = PyObject_GetAttr(transport, state->names[DO_READ]);
    if (do_read == NULL) {
        return NULL;
    }
    Py_ssize_t size;
    PyObject *result = NULL;
    PyObject *taker = find_taker(state, transport, do_read, &size);
    if (taker == NULL) {
        result = PyErr_Occurred() ? NULL : PyObject_CallNoArgs(do_read);
        Py_DECREF(do_read);
        return result;
    }
    Py_DECREF(do_read);
    ssize_t got = recv(descriptor, state->read, size, MSG_DONTWAIT);
    if (got > 0) {
        Bytes read = {.data = state->read, .size = got};
        state->reading = true;
        int taken = hand_over(state, taker, &read);
        state->reading = false;
        result = taken < 0 ? NULL : Py_NewRef(Py_None);
    }
    else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        result = Py_NewRef(Py_None);
    }
    else {
        result = end(state, transport, got < 0);
    }
    Py_DECREF(taker);
    return result;
}

PyDoc_STRVAR(read_through_doc,
"read_through($module, transport, descriptor, /)\n--\n\n"
"Have a transport read, as its doRead does.");

static PyObject *
read_through(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("read_through", count, 2, 2) < 0) {
        return NULL;
    }
    int descriptor = (int)PyLong_AsLong(args[1]);
    if (descriptor == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return read_once(PyModule_GetState(module), args[0], descriptor);
}

static PyMethodDef functions[] = {
    {"read_through", (PyCFunction)(void (*)(void))read_through, METH_FASTCALL, read_through_doc},
    {NULL, NULL, 0, NULL},
};

int
add_readthrough(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
