/* The arguments of functions in C, and calls of functions in Python. */

#include "accelerator.h"

int
check_count(const char *function, Py_ssize_t given, Py_ssize_t least, Py_ssize_t most)
{
    if (least <= given && given <= most) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "%s() takes %zd positional arguments but %zd were given",
                 function, given < least ? least : most, given);
    return -1;
}

/* Get at the bytes of a bytes-like object. If its memory isn't contiguous, these are a copy. */
int
get_bytes(PyObject *object, Bytes *bytes)
{
    if (PyBytes_Check(object)) {
        bytes->data = (const unsigned char *)PyBytes_AS_STRING(object);
        bytes->size = PyBytes_GET_SIZE(object);
        Py_INCREF(object);
        bytes->owner = object;
        return 0;
    }
    bytes->owner = PyMemoryView_GetContiguous(object, PyBUF_READ, 'C');
    if (bytes->owner == NULL) {
        return -1;
    }
    const Py_buffer *view = PyMemoryView_GET_BUFFER(bytes->owner);
    bytes->data = view->buf;
    bytes->size = view->len;
    return 0;
}

/* Return the bytes from a position on. */
PyObject *
bytes_from(const Bytes *bytes, Py_ssize_t place)
{
    if (place == 0 && bytes->owner != NULL && PyBytes_CheckExact(bytes->owner)) {
        return Py_NewRef(bytes->owner);
    }
    return PyBytes_FromStringAndSize((const char *)bytes->data + place, bytes->size - place);
}

/* Read a position in bytes. Unlike an index, it doesn't count from the end. */
int
get_place(PyObject *object, Py_ssize_t size, Py_ssize_t *place)
{
    *place = PyNumber_AsSsize_t(object, NULL);
    if (*place == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (*place < 0 || *place > size) {
        PyErr_Format(PyExc_ValueError, "a position is from 0 to %zd, not %S", size, object);
        return -1;
    }
    return 0;
}

/* Call a method with one argument; with none if `argument` is NULL. */
int
call(State *state, PyObject *object, int name, PyObject *argument)
{
    PyObject *arguments[] = {object, argument};
    size_t count = argument == NULL ? 1 : 2;
    PyObject *result = PyObject_VectorcallMethod(
        state->names[name], arguments, count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Tell whether an object is true, and give up the reference to it; -1 with an exception. */
int
truth(PyObject *object)
{
    int true_or_not = object == NULL ? -1 : PyObject_IsTrue(object);
    Py_XDECREF(object);
    return true_or_not;
}
