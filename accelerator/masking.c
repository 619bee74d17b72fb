/* Masking, eight bytes at a time (RFC 6455 section 5.3); its twin is in wire/masking.py. */

#include "accelerator.h"

const unsigned char *
get_mask(PyObject *object)
{
    if (!PyBytes_Check(object)) {
        PyErr_Format(PyExc_TypeError, "a masking key is bytes, not %s", Py_TYPE(object)->tp_name);
        return NULL;
    }
    if (PyBytes_GET_SIZE(object) != MASK_SIZE) {
        PyErr_Format(PyExc_ValueError, "a masking key has 4 bytes, not %zd",
                     PyBytes_GET_SIZE(object));
        return NULL;
    }
    return (const unsigned char *)PyBytes_AS_STRING(object);
}

/* Mask or unmask bytes; return whether the result is ASCII. `offset` is the number of bytes of the
 * payload before these, modulo 4. Section 5.3:
 *
 *     j                   = i MOD 4
 *     transformed-octet-i = original-octet-i XOR masking-key-octet-j
 */
bool
mask_bytes(unsigned char *restrict to, const unsigned char *restrict from, Py_ssize_t size,
           const unsigned char *mask, unsigned int offset)
{
    unsigned char turned[8];
    for (unsigned int i = 0; i < 8; i++) {
        turned[i] = mask[(offset + i) % MASK_SIZE];
    }
    uint64_t key, word, seen = 0;
    memcpy(&key, turned, 8);
    Py_ssize_t at = 0;
    for (; size - at >= 8; at += 8) {
        memcpy(&word, from + at, 8);
        word ^= key;
        memcpy(to + at, &word, 8);
        seen |= word;
    }
    for (; at < size; at++) {
        to[at] = from[at] ^ turned[at % 8];
        seen |= to[at];
    }
    return !(seen & 0x8080808080808080);
}

PyDoc_STRVAR(apply_mask_doc,
"apply_mask($module, data, mask, offset=0, /)\n--\n\n"
"Mask or unmask bytes; both are the same operation.");

static PyObject *
apply_mask(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (check_count("apply_mask", count, 2, 3) < 0) {
        return NULL;
    }
    const unsigned char *mask = get_mask(args[1]);
    if (mask == NULL) {
        return NULL;
    }
    unsigned int offset = 0;
    if (count == 3) {
        /* The lowest two bits of any number are its remainder, even if it is negative or large. */
        unsigned long long bits = PyLong_AsUnsignedLongLongMask(args[2]);
        if (bits == (unsigned long long)-1 && PyErr_Occurred()) {
            return NULL;
        }
        offset = bits % MASK_SIZE;
    }
    Bytes bytes;
    if (get_bytes(args[0], &bytes) < 0) {
        return NULL;
    }
    PyObject *masked = PyBytes_FromStringAndSize(NULL, bytes.size);
    if (masked != NULL) {
        unsigned char *to = (unsigned char *)PyBytes_AS_STRING(masked);
        mask_bytes(to, bytes.data, bytes.size, mask, offset);
    }
    Py_DECREF(bytes.owner);
    return masked;
}

static PyMethodDef functions[] = {
    {"apply_mask", (PyCFunction)(void (*)(void))apply_mask, METH_FASTCALL, apply_mask_doc},
    {NULL, NULL, 0, NULL},
};

int
add_masking(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
