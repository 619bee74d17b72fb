/* The records of a TLS connection: Records, whose twin is in _transport/tls_records.py.
 *
 * The twin calls pyOpenSSL, six times for each message that is answered. Here, the same functions
 * of the same OpenSSL are called for the same connection. pyOpenSSL's cffi knows their addresses,
 * and _transport/openssl.py has checked their types.
 *
 * A callback of an SSL connection can run Python code, which can do anything. So a reference to the
 * SSL is held while OpenSSL works, and OpenSSL gets no pointer that Python code may free.
 */

#include "accelerator.h"
#include <structmember.h>

/* The places in the tuple of pointers that openssl.py makes. */
enum { OWNER, SSL, INTO, FROM, FUNCTIONS, POINTERS = FUNCTIONS + sizeof(OpenSSL) / sizeof(void *) };

/* Read an address from a tuple; NULL with an exception. */
static void *
address(PyObject *pointers, Py_ssize_t place)
{
    void *pointer = PyLong_AsVoidPtr(PyTuple_GET_ITEM(pointers, place));
    if (pointer == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "an address is 0");
    }
    return pointer;
}

static int
keep_pointers(State *state, Records *self, PyObject *pointers)
{
    if (PyTuple_GET_SIZE(pointers) != POINTERS) {
        PyErr_Format(PyExc_ValueError, "expected %d pointers, not %zd", (int)POINTERS,
                     PyTuple_GET_SIZE(pointers));
        return -1;
    }
    void *ssl = address(pointers, SSL);
    void *into = ssl == NULL ? NULL : address(pointers, INTO);
    void *from = into == NULL ? NULL : address(pointers, FROM);
    if (from == NULL) {
        return -1;
    }
    /* These are the same for all connections. */
    void *functions[POINTERS - FUNCTIONS];
    for (Py_ssize_t i = FUNCTIONS; i < POINTERS; i++) {
        functions[i - FUNCTIONS] = address(pointers, i);
        if (functions[i - FUNCTIONS] == NULL) {
            return -1;
        }
    }
    memcpy(&state->openssl, functions, sizeof functions);
    self->ssl = ssl;
    self->into = into;
    self->from = from;
    Py_XSETREF(self->owner, Py_NewRef(PyTuple_GET_ITEM(pointers, OWNER)));
    return 0;
}

static int
records_init(Records *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"", "", "", NULL};
    PyObject *tls, *below, *pointers;
    State *state = state_for(Py_TYPE(self));
    if (state == NULL
        || !PyArg_ParseTupleAndKeywords(args, keywords, "OOO!:Records", names, &tls, &below,
                                        &PyTuple_Type, &pointers)) {
        return -1;
    }
    PyObject *socket = PyObject_GetAttrString(below, "socket");
    if (socket == NULL) {
        return -1;
    }
    Py_XSETREF(self->socket, socket);
    Py_XSETREF(self->tls, Py_NewRef(tls));
    Py_XSETREF(self->below, Py_NewRef(below));
    self->fresh = true;
    return keep_pointers(state, self, pointers);
}

PyDoc_STRVAR(data_received_doc,
"dataReceived($self, data, /)\n--\n\n"
"Take bytes that the transport below has read.");

static PyObject *
records_data_received(Records *self, PyTypeObject *defining, PyObject *const *args,
                      Py_ssize_t count, PyObject *names)
{
    Bytes read;
    if (check_count("dataReceived", count + count_of(names), 1, 1) < 0
        || get_bytes(args[0], &read) < 0) {
        return NULL;
    }
    int taken = records_take(PyType_GetModuleState(defining), self, read, false);
    Py_DECREF(read.owner);
    return taken < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(write_doc,
"write($self, data, /)\n--\n\n"
"Encrypt and send.");

static PyObject *
records_write_one(Records *self, PyTypeObject *defining, PyObject *const *args,
                  Py_ssize_t count, PyObject *names)
{
    Bytes data;
    if (check_count("write", count + count_of(names), 1, 1) < 0
        || get_bytes(args[0], &data) < 0) {
        return NULL;
    }
    int written = records_write(PyType_GetModuleState(defining), self, &data);
    Py_DECREF(data.owner);
    return written < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(renew_doc,
"renew($self, pointers, /)\n--\n\n"
"Use the OpenSSL connection at other addresses.");

static PyObject *
records_renew(Records *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
              PyObject *names)
{
    if (check_count("renew", count + count_of(names), 1, 1) < 0) {
        return NULL;
    }
    if (!PyTuple_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "expected a tuple, not %s", Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    return keep_pointers(PyType_GetModuleState(defining), self, args[0]) < 0 ? NULL
                                                                            : Py_NewRef(Py_None);
}

PyDoc_STRVAR(forget_doc,
"forget($self, /)\n--\n\n"
"Forget the OpenSSL connection: it is lost.");

static PyObject *
records_forget(Records *self, PyObject *Py_UNUSED(ignored))
{
    self->ssl = self->into = self->from = NULL;
    self->open = self->shakes = false;
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

static int
records_traverse(Records *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->tls);
    Py_VISIT(self->below);
    Py_VISIT(self->socket);
    Py_VISIT(self->owner);
    return 0;
}

static int
records_clear(Records *self)
{
    self->ssl = self->into = self->from = NULL;
    Py_CLEAR(self->tls);
    Py_CLEAR(self->below);
    Py_CLEAR(self->socket);
    Py_CLEAR(self->owner);
    return 0;
}

static void
records_dealloc(Records *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    records_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef records_methods[] = {
    {"dataReceived", (PyCFunction)(void (*)(void))records_data_received,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, data_received_doc},
    {"write", (PyCFunction)(void (*)(void))records_write_one,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, write_doc},
    {"renew", (PyCFunction)(void (*)(void))records_renew,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, renew_doc},
    {"forget", (PyCFunction)records_forget, METH_NOARGS, forget_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef records_members[] = {
    {"tls", T_OBJECT, offsetof(Records, tls), READONLY, "Twisted's TLS transport."},
    {"below", T_OBJECT, offsetof(Records, below), READONLY, "The transport that has the socket."},
    {"open", T_BOOL, offsetof(Records, open), 0,
     "True while data of the application goes both ways, as far as known."},
    {"shakes", T_BOOL, offsetof(Records, shakes), 0,
     "True if the first handshake of TLS goes on here."},
    {"fresh", T_BOOL, offsetof(Records, fresh), 0, "True until `shed` was called."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(records_doc,
"Records(tls, below, pointers, /)\n--\n\n"
"Stands between a TCP transport and the TLS transport on top of it.");

static PyType_Slot records_slots[] = {
    {Py_tp_doc, (void *)records_doc},
    {Py_tp_init, records_init},
    {Py_tp_traverse, records_traverse},
    {Py_tp_clear, records_clear},
    {Py_tp_dealloc, records_dealloc},
    {Py_tp_methods, records_methods},
    {Py_tp_members, records_members},
    {0, NULL},
};

static PyType_Spec records_spec = {
    .name = "txws2._speedups.Records",
    .basicsize = sizeof(Records),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = records_slots,
};

int
add_records(PyObject *module, State *state)
{
    state->records_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &records_spec, NULL);
    return state->records_type == NULL ? -1 : PyModule_AddType(module, state->records_type);
}
