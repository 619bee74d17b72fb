/* Frames, to and from bytes (RFC 6455 section 5.2); encode_frame has its twin in wire/frames.py. */

#include "accelerator.h"

/* Return the number of bytes of the extended payload length. Section 5.2: "the minimal number of
 * bytes MUST be used to encode the length". */
static int
length_size(Py_ssize_t size)
{
    return size < 126 ? 0 : size < 1 << 16 ? 2 : 8;
}

/* Return the length of a frame, -1 with an exception if it is more than any memory has. */
Py_ssize_t
frame_size(Py_ssize_t payload, bool masked)
{
    int header = 2 + length_size(payload) + (masked ? MASK_SIZE : 0);
    if (payload > PY_SSIZE_T_MAX - header) {
        PyErr_NoMemory();
        return -1;
    }
    return header + payload;
}

/* Get a fresh key, if the frame is to be masked. Section 5.3: "the client MUST pick a fresh masking
 * key". It comes from wire/masking_keys.py, so that one place in the project makes keys that nobody
 * can predict. Python code runs there, and may send on any connection: call this before there is a
 * pointer to the place of the frame. */
int
get_key(State *state, bool masked, Key *key)
{
    key->masked = masked;
    if (!masked) {
        return 0;
    }
    PyObject *made = PyObject_CallNoArgs(state->new_mask);
    const unsigned char *mask = made == NULL ? NULL : get_mask(made);
    if (mask != NULL) {
        memcpy(key->mask, mask, MASK_SIZE);
    }
    Py_XDECREF(made);
    return mask == NULL ? -1 : 0;
}

/* Write the header of a frame, with the key in it; return the place behind it. */
unsigned char *
write_header(unsigned char *to, int first, const Bytes *payload, const Key *key)
{
    int extended = length_size(payload->size);
    *to++ = (unsigned char)first;
    *to++ = (key->masked ? MASKED : 0)
            | (extended == 0 ? payload->size : extended == 2 ? 126 : 127);
    for (int shift = 8 * (extended - 1); shift >= 0; shift -= 8) {
        *to++ = (unsigned char)((uint64_t)payload->size >> shift);
    }
    if (key->masked) {
        memcpy(to, key->mask, MASK_SIZE);
        to += MASK_SIZE;
    }
    return to;
}

/* Write the header, and the payload after it. */
void
write_frame(unsigned char *to, int first, const Bytes *payload, const Key *key)
{
    to = write_header(to, first, payload, key);
    if (key->masked) {
        mask_bytes(to, payload->data, payload->size, key->mask, 0);
    }
    else {
        memcpy(to, payload->data, payload->size);
    }
}

/* Make a frame with a single allocation. */
PyObject *
make_frame(State *state, int first, const Bytes *payload, bool masked)
{
    Key key;
    if (get_key(state, masked, &key) < 0) {
        return NULL;
    }
    Py_ssize_t size = frame_size(payload->size, key.masked);
    PyObject *frame = size < 0 ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (frame != NULL) {
        write_frame((unsigned char *)PyBytes_AS_STRING(frame), first, payload, &key);
    }
    return frame;
}

enum { WITH_MASK, WITH_FIN, WITH_RSV1, FLAGS };

static const char *const FLAG_NAMES[FLAGS] = {"masked", "fin", "rsv1"};

static int
get_flags(PyObject *const *values, PyObject *names, int *flags)
{
    Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        int flag = 0;
        while (flag < FLAGS && PyUnicode_CompareWithASCIIString(name, FLAG_NAMES[flag]) != 0) {
            flag++;
        }
        if (flag == FLAGS) {
            PyErr_Format(PyExc_TypeError,
                         "encode_frame() got an unexpected keyword argument '%U'", name);
            return -1;
        }
        flags[flag] = PyObject_IsTrue(values[i]);
        if (flags[flag] < 0) {
            return -1;
        }
    }
    if (flags[WITH_MASK] < 0) {
        PyErr_SetString(PyExc_TypeError,
                        "encode_frame() missing 1 required keyword-only argument: 'masked'");
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(encode_frame_doc,
"encode_frame($module, opcode, payload, /, *, masked, fin=True, rsv1=False)\n--\n\n"
"Return a whole frame.");

static PyObject *
encode_frame(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (check_count("encode_frame", count, 2, 2) < 0) {
        return NULL;
    }
    int flags[FLAGS] = {[WITH_MASK] = -1, [WITH_FIN] = 1, [WITH_RSV1] = 0};
    if (get_flags(args + count, names, flags) < 0) {
        return NULL;
    }
    int overflow;
    long opcode = PyLong_AsLongAndOverflow(args[0], &overflow);
    if (opcode == -1 && PyErr_Occurred()) {
        return NULL;
    }
    long first = opcode | (flags[WITH_FIN] ? FIN : 0) | (flags[WITH_RSV1] ? RSV1 : 0);
    if (overflow || first < 0 || first > 0xFF) {
        PyErr_Format(PyExc_ValueError, "no frame has the opcode %S", args[0]);
        return NULL;
    }
    Bytes payload;
    if (get_bytes(args[1], &payload) < 0) {
        return NULL;
    }
    PyObject *frame = make_frame(PyModule_GetState(module), (int)first, &payload, flags[WITH_MASK]);
    Py_DECREF(payload.owner);
    return frame;
}

/* Read the header at the beginning of `data`, which has at least one byte. Return 1 if it is whole, 0
 * if a part of it is missing, and -1 if its mask bit or its length is wrong. Its first byte is left
 * to the caller. */
int
read_header(const unsigned char *data, Py_ssize_t available, bool masked, Header *header)
{
    if (available < 2) {
        return 0;
    }
    if ((data[1] >= MASKED) != masked) {
        return -1;
    }
    uint64_t length = data[1] & 0x7F;
    int size = 2;
    if (length > 125) {
        int extended = length == 126 ? 2 : 8;
        uint64_t shortest = length == 126 ? 126 : 1 << 16;
        size += extended;
        /* Section 5.2: "the most significant bit MUST be 0". */
        if (extended == 8 && available > 2 && data[2] >= 0x80) {
            return -1;
        }
        if (available < size) {
            return 0;
        }
        length = 0;
        for (int i = 2; i < size; i++) {
            length = length << 8 | data[i];
        }
        /* Section 5.2: "the minimal number of bytes MUST be used to encode the length". */
        if (length < shortest) {
            return -1;
        }
    }
    header->key.masked = masked;
    if (masked) {
        if (available < size + MASK_SIZE) {
            return 0;
        }
        memcpy(header->key.mask, data + size, MASK_SIZE);
        size += MASK_SIZE;
    }
    header->first = data[0];
    header->length = (long long)length;
    header->size = size;
    return 1;
}

static PyMethodDef functions[] = {
    {"encode_frame", (PyCFunction)(void (*)(void))encode_frame, METH_FASTCALL | METH_KEYWORDS,
     encode_frame_doc},
    {NULL, NULL, 0, NULL},
};

int
add_frames(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
