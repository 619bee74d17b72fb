/* Messages that are sent whole, in one frame; the twin of encode_message is in whole_messages.py. */

#include "accelerator.h"

/* Get the payload of a message, and the first byte of its frame. */
static int
get_message(PyObject *message, Bytes *payload, int *first)
{
    *first = FIN | TEXT;
    if (PyUnicode_Check(message)) {
        if (PyUnicode_IS_ASCII(message)) {
            payload->data = PyUnicode_DATA(message);
            payload->size = PyUnicode_GET_LENGTH(message);
            Py_INCREF(message);
            payload->owner = message;
            return 0;
        }
        /* PyUnicode_AsUTF8AndSize would keep the UTF-8 in memory as long as the str. */
        message = PyUnicode_AsUTF8String(message);
        if (message == NULL) {
            return -1;
        }
    }
    else if (PyBytes_Check(message)) {
        *first = FIN | BINARY;
        Py_INCREF(message);
    }
    else {
        PyErr_Format(PyExc_TypeError, "a message is str or bytes, not %s",
                     Py_TYPE(message)->tp_name);
        return -1;
    }
    payload->data = (const unsigned char *)PyBytes_AS_STRING(message);
    payload->size = PyBytes_GET_SIZE(message);
    payload->owner = message;
    return 0;
}

/* Replace a payload by the compressed one. */
static int
deflate(State *state, Tally *tally, Bytes *payload)
{
    PyObject *plain = bytes_from(payload, 0);
    if (plain == NULL) {
        return -1;
    }
    PyObject *deflated = PyObject_CallMethodOneArg((PyObject *)tally, state->names[DEFLATE], plain);
    Py_DECREF(plain);
    if (deflated == NULL) {
        return -1;
    }
    Bytes compressed;
    int got = get_bytes(deflated, &compressed);
    Py_DECREF(deflated);
    if (got == 0) {
        Py_SETREF(payload->owner, compressed.owner);
        payload->data = compressed.data;
        payload->size = compressed.size;
    }
    return got;
}

/* Get the payload to be sent for a message; a Tally, if there is one, decides whether it is
 * compressed. */
int
get_outgoing(State *state, PyObject *message, Tally *tally, Outgoing *outgoing)
{
    Bytes *payload = &outgoing->payload;
    if (get_message(message, payload, &outgoing->first) < 0) {
        return -1;
    }
    outgoing->size = payload->size;
    if (tally != NULL && tally->deflates && payload->size >= tally->threshold) {
        outgoing->first |= RSV1;
        if (deflate(state, tally, payload) < 0) {
            Py_DECREF(payload->owner);
            return -1;
        }
    }
    return 0;
}

/* Make the frame of a message; a Tally, if there is one, counts it. */
PyObject *
make_message(State *state, PyObject *message, bool masked, Tally *tally)
{
    Outgoing outgoing;
    if (get_outgoing(state, message, tally, &outgoing) < 0) {
        return NULL;
    }
    PyObject *frame = make_frame(state, outgoing.first, &outgoing.payload, masked);
    if (frame != NULL && tally != NULL) {
        count_message_out(tally, &outgoing, PyBytes_GET_SIZE(frame));
    }
    Py_DECREF(outgoing.payload.owner);
    return frame;
}

PyDoc_STRVAR(encode_message_doc,
"encode_message($module, message, masked, /)\n--\n\n"
"Return the frame of a message.");

static PyObject *
encode_message(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("encode_message", count, 2, 2) < 0) {
        return NULL;
    }
    int masked = PyObject_IsTrue(args[1]);
    return masked < 0 ? NULL : make_message(PyModule_GetState(module), args[0], masked, NULL);
}

static PyMethodDef functions[] = {
    {"encode_message", (PyCFunction)(void (*)(void))encode_message, METH_FASTCALL,
     encode_message_doc},
    {NULL, NULL, 0, NULL},
};

int
add_ordinary(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
