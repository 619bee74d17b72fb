/* The payloads of messages: their memory, and the objects that they become. */

#include "accelerator.h"

/* A payload is bytes, or an ASCII str. */
static Py_ssize_t
size_of(PyObject *payload)
{
    return PyUnicode_Check(payload) ? PyUnicode_GET_LENGTH(payload) : PyBytes_GET_SIZE(payload);
}

/* Tell whether nobody but the spares refers to this. */
static bool
is_free(PyObject *spare)
{
    if (Py_REFCNT(spare) > 1) {
        return false;
    }
    /* The table of interned strings refers to a str without counting. */
    return !PyUnicode_Check(spare) || !PyUnicode_CHECK_INTERNED(spare);
}

/* Give a spare another size; it may have been hashed when its contents were others. */
static int
renew(PyObject **spare, Py_ssize_t size)
{
    if (PyUnicode_Check(*spare)) {
        ((PyASCIIObject *)*spare)->hash = -1;
        return PyUnicode_Resize(spare, size);
    }
_Py_COMP_DIAG_PUSH
_Py_COMP_DIAG_IGNORE_DEPR_DECLS
    ((PyBytesObject *)*spare)->ob_shash = -1;
_Py_COMP_DIAG_POP
    return _PyBytes_Resize(spare, size);
}

/* Return a payload of this size that nobody else refers to; NULL if there is none. Its contents are
 * undefined. */
static PyObject *
take_spare(State *state, long long size, bool text)
{
    for (int i = 0; i < SPARES; i++) {
        PyObject *spare = state->spares[i];
        if (spare == NULL || PyUnicode_Check(spare) != text || size_of(spare) < size
            || size_of(spare) / 2 > size || !is_free(spare)) {
            continue;
        }
        state->spares[i] = NULL;
        state->spared -= size_of(spare);
        if (renew(&spare, (Py_ssize_t)size) < 0) {
            PyErr_Clear();
            Py_XDECREF(spare);
            return NULL;
        }
        return spare;
    }
    return NULL;
}

static void
drop_spare(State *state, unsigned int place)
{
    PyObject *spare = state->spares[place];
    if (spare != NULL) {
        state->spares[place] = NULL;
        state->spared -= size_of(spare);
        Py_DECREF(spare);
    }
}

/* Remember a payload that is being given out, if its size makes it worth while. */
static void
keep_spare(State *state, PyObject *payload)
{
    Py_ssize_t size = size_of(payload);
    if (size < LEAST_SPARE || size > MOST_SPARE) {
        return;
    }
    unsigned int place = 0;
    while (place < SPARES && state->spares[place] != NULL) {
        place++;
    }
    while (place == SPARES || state->spared + size > MOST_SPARED) {
        /* Another one makes room: each in its turn, as its owner may keep it forever. */
        unsigned int dropped = state->next_spare;
        state->next_spare = (dropped + 1) % SPARES;
        drop_spare(state, dropped);
        place = place == SPARES ? dropped : place;
    }
    state->spares[place] = Py_NewRef(payload);
    state->spared += size;
}

/* A payload that is whole. */

PyObject *
read_binary(const unsigned char *data, Py_ssize_t size, const Key *key, unsigned int offset)
{
    if (!key->masked) {
        return PyBytes_FromStringAndSize((const char *)data, size);
    }
    PyObject *binary = PyBytes_FromStringAndSize(NULL, size);
    if (binary != NULL) {
        mask_bytes((unsigned char *)PyBytes_AS_STRING(binary), data, size, key->mask, offset);
    }
    return binary;
}

/* Tell whether all bytes are ASCII. The compiler reads many at once where their number is known. */
static bool
is_ascii(const unsigned char *data, Py_ssize_t size)
{
    enum { BLOCK = 256 };
    const uint64_t high = 0x8080808080808080;
    uint64_t word, seen = 0;
    for (; size >= BLOCK; data += BLOCK, size -= BLOCK) {
        for (int at = 0; at < BLOCK; at += 8) {
            memcpy(&word, data + at, 8);
            seen |= word;
        }
        if (seen & high) {
            return false;
        }
    }
    for (; size >= 8; data += 8, size -= 8) {
        memcpy(&word, data, 8);
        seen |= word;
    }
    for (; size > 0; data++, size--) {
        seen |= *data;
    }
    return !(seen & high);
}

/* The codec of CPython reads eight bytes at a time; for 16 KiB it takes twice as long as this. */
static PyObject *
copy_text(const unsigned char *data, Py_ssize_t size)
{
    if (!is_ascii(data, size)) {
        return PyUnicode_DecodeUTF8((const char *)data, size, NULL);
    }
    PyObject *text = PyUnicode_New(size, 0x7F);
    if (text != NULL && size > 0) {
        memcpy(PyUnicode_DATA(text), data, size);
    }
    return text;
}

/* NULL with a UnicodeDecodeError if it isn't UTF-8. */
PyObject *
read_text(const unsigned char *data, Py_ssize_t size, const Key *key)
{
    if (!key->masked) {
        return copy_text(data, size);
    }
    /* Most text is ASCII, so it is unmasked into an ASCII str. If it turns out to be anything else,
     * that str holds UTF-8, and nobody has seen it yet. */
    PyObject *ascii = PyUnicode_New(size, 0x7F);
    if (ascii == NULL) {
        return NULL;
    }
    unsigned char *to = PyUnicode_DATA(ascii);
    if (mask_bytes(to, data, size, key->mask, 0)) {
        return ascii;
    }
    PyObject *text = PyUnicode_DecodeUTF8((const char *)to, size, NULL);
    Py_DECREF(ascii);
    return text;
}

/* Tell whether a text wasn't UTF-8. It is read again, in the way that finds the wrong byte. */
bool
is_not_utf8(void)
{
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        return false;
    }
    PyErr_Clear();
    return true;
}

/* Replace the exception that is set by the one for a peer that sends no UTF-8. */
static void
blame_peer(void)
{
    PyObject *type, *cause, *traceback;
    PyErr_Fetch(&type, &cause, &traceback);
    PyErr_NormalizeException(&type, &cause, &traceback);
    PyObject *module = PyImport_ImportModule("txws2.wire.unfinished");
    PyObject *invalid = module == NULL ? NULL : PyObject_CallMethod(module, "invalid_utf8", NULL);
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    if (invalid == NULL) {
        Py_XDECREF(cause);
        return;
    }
    PyException_SetCause(invalid, cause);
    PyErr_SetObject((PyObject *)Py_TYPE(invalid), invalid);
    Py_DECREF(invalid);
}

/* Decode UTF-8; NULL with a ProtocolError if it is none. */
PyObject *
decode_text(const unsigned char *data, Py_ssize_t size)
{
    PyObject *text = copy_text(data, size);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        blame_peer();
    }
    return text;
}


/* A payload that arrives in parts. */

unsigned char *
payload_of(const Unfinished *self)
{
    return self->text ? PyUnicode_DATA(self->payload)
                      : (unsigned char *)PyBytes_AS_STRING(self->payload);
}

static Py_ssize_t
room_of(const Unfinished *self)
{
    return self->payload == NULL ? 0
           : self->text          ? PyUnicode_GET_LENGTH(self->payload)
                                 : PyBytes_GET_SIZE(self->payload);
}

/* Give it memory for this many bytes. */
static int
resize(State *state, Unfinished *self, Py_ssize_t room)
{
    if (self->payload == NULL) {
        if (self->last && !self->compressed) {
            self->payload = take_spare(state, self->arrived + self->missing, self->text);
        }
        if (self->payload == NULL) {
            self->payload = self->text ? PyUnicode_New(room, 0x7F)
                                       : PyBytes_FromStringAndSize(NULL, room);
        }
        return self->payload == NULL ? -1 : 0;
    }
    if (self->text) {
        return PyUnicode_Resize(&self->payload, room);
    }
    if (_PyBytes_Resize(&self->payload, room) < 0) {
        /* The bytes that had arrived are lost. */
        self->arrived = self->taken = 0;
        return -1;
    }
    return 0;
}

/* Make room for `size` bytes more. The room doubles, so that the bytes are seldom moved. It depends
 * on the bytes that have arrived, so that a length in a header takes no memory. */
int
make_room(State *state, Unfinished *self, Py_ssize_t size)
{
    if (size > PY_SSIZE_T_MAX - self->arrived) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t needed = self->arrived + size, room = room_of(self);
    if (needed <= room) {
        return 0;
    }
    room = room > PY_SSIZE_T_MAX / 2 ? PY_SSIZE_T_MAX : room * 2;
    if (self->last && !self->compressed && room > self->arrived
        && room - self->arrived > self->missing) {
        /* No more will come than the frame lacks. */
        room = self->arrived + (Py_ssize_t)self->missing;
    }
    return resize(state, self, Py_MAX(room, needed));
}

/* Return the payload as the object that the application gets, and keep it no longer. */
PyObject *
release_payload(State *state, Unfinished *self)
{
    PyObject *payload = self->payload;
    Py_ssize_t arrived = self->arrived;
    if (payload == NULL) {
        return self->text ? PyUnicode_New(0, 0) : PyBytes_FromStringAndSize(NULL, 0);
    }
    self->payload = NULL;
    self->arrived = self->taken = 0;
    if (!self->text) {
        if (PyBytes_GET_SIZE(payload) != arrived && _PyBytes_Resize(&payload, arrived) < 0) {
            return NULL;
        }
        keep_spare(state, payload);
        return payload;
    }
    if (self->ascii) {
        if (PyUnicode_Resize(&payload, arrived) < 0) {
            Py_CLEAR(payload);
            return NULL;
        }
        keep_spare(state, payload);
        return payload;
    }
    PyObject *text = decode_text(PyUnicode_DATA(payload), arrived);
    /* Nobody has seen the str that held the UTF-8. */
    keep_spare(state, payload);
    Py_DECREF(payload);
    return text;
}
