/* What functions are called with, and how others are called. */

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

/* Look into anything that is like bytes. Where that lies in pieces, a copy of it is looked into. */
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

/* Return those from a place on. */
PyObject *
bytes_from(const Bytes *bytes, Py_ssize_t place)
{
    if (place == 0 && bytes->owner != NULL && PyBytes_CheckExact(bytes->owner)) {
        return Py_NewRef(bytes->owner);
    }
    return PyBytes_FromStringAndSize((const char *)bytes->data + place, bytes->size - place);
}

/* Read a place in some bytes; like an index, but it doesn't count from the end. */
int
get_place(PyObject *object, Py_ssize_t size, Py_ssize_t *place)
{
    *place = PyNumber_AsSsize_t(object, NULL);
    if (*place == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (*place < 0 || *place > size) {
        PyErr_Format(PyExc_ValueError, "no place in %zd bytes: %S", size, object);
        return -1;
    }
    return 0;
}

/* Call a method with one argument, or with none if that is NULL. */
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

/* Tell whether something is true, which is not needed any more; -1 with an exception. */
int
truth(PyObject *object)
{
    int true_or_not = object == NULL ? -1 : PyObject_IsTrue(object);
    Py_XDECREF(object);
    return true_or_not;
}
