/* The limits of a message; the twin is `_check` in wire/decoder.py. */

#include "accelerator.h"

/* Read a number of bytes, or of frames; None and a number that none can exceed are the same. */
static int
read_limit(PyObject *object, long long *limit)
{
    *limit = LLONG_MAX;
    if (!is_set(object)) {
        return 0;
    }
    /* Python code may release the owner's reference meanwhile. */
    Py_INCREF(object);
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
    Py_DECREF(object);
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow <= 0) {
        *limit = number;
    }
    return 0;
}

int
read_limits(const Decoder *self, Limits *limits)
{
    return read_limit(self->max_size, &limits->size) < 0
                   || read_limit(self->max_fragments, &limits->fragments) < 0
               ? -1
               : 0;
}

static int
raise_too_big(unsigned long long size, PyObject *limit, const char *unit)
{
    PyObject *module = PyImport_ImportModule("txws2.wire.exceptions");
    PyObject *raised = module == NULL ? NULL
                                      : PyObject_CallMethod(module, "PayloadTooBig", "KOs", size,
                                                            limit, unit);
    Py_XDECREF(module);
    if (raised != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        Py_DECREF(raised);
    }
    return -1;
}

/* Check a frame's length, before any of its payload is awaited; _check in the twin has the
 * reasons. */
int
check_limits(const Decoder *self, const Limits *limits, const Header *header)
{
    const Unfinished *kept = self->unfinished;
    bool begun = kept != NULL && kept->begun;
    unsigned long long length = (unsigned long long)header->length;
    if (limits->size < 0) {
        return raise_too_big(length, self->max_size, "bytes");
    }
    unsigned long long most = (unsigned long long)limits->size;
    if (limits->size != LLONG_MAX) {
        if (begun ? kept->compressed : (header->first & RSV1) != 0) {
            if (length > most + most / 4 + 64) {
                return raise_too_big(length, self->max_size, "bytes");
            }
        }
        else if (length + (begun ? kept->size : 0) > most) {
            return raise_too_big(length + (begun ? kept->size : 0), self->max_size, "bytes");
        }
    }
    long long fragments = begun ? kept->fragments + 1 : 1;
    return fragments <= limits->fragments
               ? 0
               : raise_too_big(fragments, self->max_fragments, "fragments");
}
