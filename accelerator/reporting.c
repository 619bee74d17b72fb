/* An exception is reported to its own connection. */

#include "accelerator.h"

/* Give the exception, of any class, to this method: it ends one connection, and no other. */
int
exchange_report(State *state, Exchange *self, int name)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    int reported = call(state, (PyObject *)self, name, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return reported;
}
