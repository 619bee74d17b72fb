/* The application's object of a connection: Handle, whose twin is in handle.py. */

#include "accelerator.h"

/* Return a handle's driver, a reference of the handle's; NULL with an exception if it has none. */
static Exchange *
own_driver(PyObject *handle)
{
    Exchange *driver = ((Handle *)handle)->driver;
    if (driver == NULL) {
        PyErr_SetString(PyExc_AttributeError, "this connection has no driver");
    }
    return driver;
}

/* Return the connection's driver, as `own_driver` does, if the object is a connection. */
Exchange *
driver_of(State *state, PyObject *object)
{
    if (!PyObject_TypeCheck(object, state->handle_type)) {
        PyErr_Format(PyExc_TypeError, "expected a connection, not %s", Py_TYPE(object)->tp_name);
        return NULL;
    }
    return own_driver(object);
}

PyDoc_STRVAR(driver_of_doc,
"driver_of($module, handle, /)\n--\n\n"
"Return the driver of a connection.");

static PyObject *
get_driver(PyObject *module, PyObject *handle)
{
    return Py_XNewRef(driver_of(PyModule_GetState(module), handle));
}

PyDoc_STRVAR(data_received_doc,
"dataReceived($self, data, /)\n--\n\n"
"Take bytes that the transport has read.");

static PyObject *
handle_data_received(PyObject *self, PyTypeObject *defining, PyObject *const *args,
                     Py_ssize_t count, PyObject *names)
{
    if (count_of(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "dataReceived() takes no keyword arguments");
        return NULL;
    }
    if (check_count("dataReceived", count, 1, 1) < 0) {
        return NULL;
    }
    State *state = PyType_GetModuleState(defining);
    Exchange *driver = own_driver(self);
    if (driver == NULL) {
        return NULL;
    }
    Py_INCREF(driver);
    int taken = exchange_receive(state, driver, args[0]);
    Py_DECREF(driver);
    return taken < 0 ? NULL : Py_NewRef(Py_None);
}

/* Tell whether dataReceived is Handle's own, -1 with an exception. */
int
is_ours(State *state, PyObject *protocol)
{
    if (!PyObject_TypeCheck(protocol, state->handle_type)) {
        return 0;
    }
    PyObject *received = PyObject_GetAttr(protocol, state->names[DATA_RECEIVED]);
    if (received == NULL) {
        return -1;
    }
    int ours = PyCFunction_Check(received)
               && (void (*)(void))PyCFunction_GET_FUNCTION(received)
                      == (void (*)(void))handle_data_received;
    Py_DECREF(received);
    return ours;
}

PyDoc_STRVAR(send_message_doc,
"sendMessage($self, message, text=None, *, compress=None)\n--\n\n"
"Send a message without waiting, for push style; the arguments are those of `send`.");

static PyObject *
handle_send_message(PyObject *self, PyTypeObject *defining, PyObject *const *args,
                    Py_ssize_t count, PyObject *names)
{
    State *state = PyType_GetModuleState(defining);
    Exchange *driver = own_driver(self);
    if (driver == NULL) {
        return NULL;
    }
    Py_INCREF(driver);
    int sent = send_message(state, driver, args, count, names);
    Py_DECREF(driver);
    return sent < 0 ? NULL : Py_NewRef(Py_None);
}

/* Call a function of pulling.c with the driver. */
static PyObject *
in_pull_style(PyObject *self, PyTypeObject *defining,
              PyObject *(*function)(State *, Exchange *, PyObject *const *, Py_ssize_t, PyObject *),
              PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    State *state = PyType_GetModuleState(defining);
    Exchange *driver = own_driver(self);
    if (driver == NULL) {
        return NULL;
    }
    Py_INCREF(driver);
    PyObject *result = function(state, driver, args, count, names);
    Py_DECREF(driver);
    return result;
}

PyDoc_STRVAR(recv_doc,
"recv($self, decode=None, *, timeout=None)\n--\n\n"
"Receive the next message.");

static PyObject *
handle_recv(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
            PyObject *names)
{
    return in_pull_style(self, defining, receive_message, args, count, names);
}

PyDoc_STRVAR(send_doc,
"send($self, message, text=None, *, compress=None)\n--\n\n"
"Send a message.");

static PyObject *
handle_send(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
            PyObject *names)
{
    return in_pull_style(self, defining, send_and_wait, args, count, names);
}

static PyObject *
handle_new(PyTypeObject *type, PyObject *args, PyObject *options)
{
    State *state = state_for(type);
    if (state == NULL || check_count("Handle", PyTuple_GET_SIZE(args), 1, 1) < 0) {
        return NULL;
    }
    PyObject *driver = PyTuple_GET_ITEM(args, 0);
    if (!PyObject_TypeCheck(driver, state->exchange_type)) {
        PyErr_Format(PyExc_TypeError, "expected an Exchange, not %s", Py_TYPE(driver)->tp_name);
        return NULL;
    }
    if (options != NULL && PyDict_GET_SIZE(options) > 0) {
        PyErr_SetString(PyExc_TypeError, "Handle() takes no keyword arguments");
        return NULL;
    }
    PyObject *nothing = PyTuple_New(0);
    if (nothing == NULL) {
        return NULL;
    }
    /* Only object's own tp_new puts an instance's attributes into the small array of CPython. */
    Handle *self = (Handle *)PyBaseObject_Type.tp_new(type, nothing, NULL);
    Py_DECREF(nothing);
    if (self != NULL) {
        self->driver = (Exchange *)Py_NewRef(driver);
    }
    return (PyObject *)self;
}

static int
handle_traverse(Handle *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->driver);
    return 0;
}

static int
handle_clear(Handle *self)
{
    Py_CLEAR(self->driver);
    return 0;
}

static void
handle_dealloc(Handle *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    handle_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef handle_methods[] = {
    {"dataReceived", (PyCFunction)(void (*)(void))handle_data_received,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, data_received_doc},
    {"sendMessage", (PyCFunction)(void (*)(void))handle_send_message,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, send_message_doc},
    {"recv", (PyCFunction)(void (*)(void))handle_recv,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, recv_doc},
    {"send", (PyCFunction)(void (*)(void))handle_send,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, send_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(handle_doc,
"Handle(driver, /)\n--\n\n"
"The base of the class that applications subclass.");

static PyType_Slot handle_slots[] = {
    {Py_tp_doc, (void *)handle_doc},
    {Py_tp_new, handle_new},
    {Py_tp_traverse, handle_traverse},
    {Py_tp_clear, handle_clear},
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_methods, handle_methods},
    {0, NULL},
};

static PyType_Spec handle_spec = {
    .name = "txws2._speedups.Handle",
    .basicsize = sizeof(Handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = handle_slots,
};

static PyMethodDef functions[] = {
    {"driver_of", get_driver, METH_O, driver_of_doc},
    {NULL, NULL, 0, NULL},
};

int
add_handle(PyObject *module, State *state)
{
    state->handle_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &handle_spec, NULL);
    if (state->handle_type == NULL || PyModule_AddType(module, state->handle_type) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
