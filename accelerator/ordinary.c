/* Messages that are whole and in one frame; the twins are in whole_messages.py. */

#include "accelerator.h"


/* Outward. */

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


/* Inward. */

static PyObject *
read_text(const Frame *frame)
{
    if (frame->mask == NULL) {
        return PyUnicode_DecodeUTF8((const char *)frame->payload, frame->size, NULL);
    }
    /* Most text is ASCII, so it is unmasked into an ASCII str. If it turns out to be anything else,
     * that str holds UTF-8, and nobody has seen it yet. */
    PyObject *ascii = PyUnicode_New(frame->size, 0x7F);
    if (ascii == NULL) {
        return NULL;
    }
    unsigned char *to = PyUnicode_DATA(ascii);
    if (mask_bytes(to, frame->payload, frame->size, frame->mask, 0)) {
        return ascii;
    }
    PyObject *text = PyUnicode_DecodeUTF8((const char *)to, frame->size, NULL);
    Py_DECREF(ascii);
    return text;
}

PyObject *
read_binary(const Frame *frame)
{
    if (frame->mask == NULL) {
        return PyBytes_FromStringAndSize((const char *)frame->payload, frame->size);
    }
    PyObject *binary = PyBytes_FromStringAndSize(NULL, frame->size);
    if (binary != NULL) {
        unsigned char *to = (unsigned char *)PyBytes_AS_STRING(binary);
        mask_bytes(to, frame->payload, frame->size, frame->mask, 0);
    }
    return binary;
}

PyObject *
read_message(const Frame *frame)
{
    return frame->text ? read_text(frame) : read_binary(frame);
}

/* Read a number of bytes; None and a number that no frame can exceed are the same. */
static int
read_most(PyObject *max_size, long long *most)
{
    *most = LLONG_MAX;
    if (!is_set(max_size)) {
        return 0;
    }
    /* Python code may release the owner's reference meanwhile. */
    Py_INCREF(max_size);
    int overflow;
    long long size = PyLong_AsLongLongAndOverflow(max_size, &overflow);
    Py_DECREF(max_size);
    if (size == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow <= 0) {
        *most = size;
    }
    return 0;
}

int
get_most(const Tally *tally, long long *most)
{
    return read_most(tally->max_size, most);
}

/* Decode ordinary messages; a Tally, if there is one, counts them. */
PyObject *
read_messages(PyObject *data, PyObject *start, bool masked, PyObject *max_size,
              PyObject *messages, Tally *tally)
{
    if (!PyList_Check(messages)) {
        PyErr_Format(PyExc_TypeError, "messages is a list, not %s", Py_TYPE(messages)->tp_name);
        return NULL;
    }
    long long most;
    if (read_most(max_size, &most) < 0) {
        return NULL;
    }
    Bytes bytes;
    if (get_bytes(data, &bytes) < 0) {
        return NULL;
    }
    Py_ssize_t position;
    if (get_place(start, bytes.size, &position) < 0) {
        goto error;
    }
    Frame frame;
    while (read_frame(bytes.data + position, bytes.size - position, masked, most, 0, &frame)) {
        PyObject *message = read_message(&frame);
        if (message == NULL) {
            /* A text that isn't UTF-8 is left to FrameReader, as any frame that isn't ordinary. */
            if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
                goto error;
            }
            PyErr_Clear();
            break;
        }
        int appended = PyList_Append(messages, message);
        Py_DECREF(message);
        if (appended < 0) {
            goto error;
        }
        if (tally != NULL) {
            count_message_in(tally, &frame);
        }
        position = frame.payload + frame.size - bytes.data;
    }
    Py_DECREF(bytes.owner);
    return PyLong_FromSsize_t(position);

error:
    Py_DECREF(bytes.owner);
    return NULL;
}

PyDoc_STRVAR(decode_messages_doc,
"decode_messages($module, data, position, masked, max_size, messages, /)\n--\n\n"
"Decode ordinary messages up to the first frame that is anything else.");

static PyObject *
decode_messages(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (check_count("decode_messages", count, 5, 5) < 0) {
        return NULL;
    }
    int masked = PyObject_IsTrue(args[2]);
    return masked < 0 ? NULL
                      : read_messages(args[0], args[1], masked, args[3], args[4], NULL);
}

PyDoc_STRVAR(take_compressed_doc,
"take_compressed($module, data, position, masked, max_size, /)\n--\n\n"
"Take off the compressed message at a position, if it is whole and in one frame.");

static PyObject *
take_compressed(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (check_count("take_compressed", count, 4, 4) < 0) {
        return NULL;
    }
    int masked = PyObject_IsTrue(args[2]);
    if (masked < 0) {
        return NULL;
    }
    long long most;
    if (read_most(args[3], &most) < 0) {
        return NULL;
    }
    Bytes bytes;
    if (get_bytes(args[0], &bytes) < 0) {
        return NULL;
    }
    PyObject *taken = NULL;
    Py_ssize_t position;
    if (get_place(args[1], bytes.size, &position) < 0) {
        goto end;
    }
    Frame frame;
    if (!read_frame(bytes.data + position, bytes.size - position, masked, most, RSV1, &frame)) {
        taken = Py_NewRef(Py_None);
        goto end;
    }
    PyObject *payload = read_binary(&frame);
    if (payload != NULL) {
        position = frame.payload + frame.size - bytes.data;
        taken = Py_BuildValue("iNn", frame.text ? TEXT : BINARY, payload, position);
    }

end:
    Py_DECREF(bytes.owner);
    return taken;
}

static PyMethodDef functions[] = {
    {"decode_messages", (PyCFunction)(void (*)(void))decode_messages, METH_FASTCALL,
     decode_messages_doc},
    {"encode_message", (PyCFunction)(void (*)(void))encode_message, METH_FASTCALL,
     encode_message_doc},
    {"take_compressed", (PyCFunction)(void (*)(void))take_compressed, METH_FASTCALL,
     take_compressed_doc},
    {NULL, NULL, 0, NULL},
};

int
add_ordinary(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
