/* The accelerator: what a busy connection spends its time in, a second time in C.
 *
 * Each function and each type has a twin in Python of the same name, which says what it is for:
 * of this file, apply_mask in masking.py, encode_frame in frames.py, all others in ordinary.py; of
 * _payload.c, PayloadBuffer in payload.py; of _tally.c, Tally in tally.py; and of _exchange.c, Cork
 * in cork.py and Exchange in exchange.py. speedups.py decides which of the two is used. Results and
 * exceptions are the same, so the tests are, too.
 *
 * Sections are those of RFC 6455.
 */

#include "_speedups.h"

static State *
state_of(PyObject *module)
{
    return PyModule_GetState(module);
}


/* Arguments. */

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


/* Masking (section 5.3), eight bytes at a time. */

/* Mask or unmask; return whether the result is ASCII. `offset` is what came before, modulo 4. */
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
"Mask or unmask, which is the same.");

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
        /* Whatever its sign and its size, the lowest two bits are the remainder. */
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


/* Frames outward (section 5.2). */

static int
length_size(Py_ssize_t size)
{
    return size < 126 ? 0 : size < 1 << 16 ? 2 : 8;
}

/* Return how long a frame is, -1 with an exception if there is no memory for so much. */
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

/* Write the header, and the payload behind it. The key comes from keys.py, so that only one place
 * in the project knows how to make what nobody can predict. */
int
write_frame(State *state, unsigned char *to, int first, const Bytes *payload, bool masked)
{
    int extended = length_size(payload->size);
    *to++ = (unsigned char)first;
    *to++ = (masked ? MASKED : 0)
            | (extended == 0 ? payload->size : extended == 2 ? 126 : 127);
    for (int shift = 8 * (extended - 1); shift >= 0; shift -= 8) {
        *to++ = (unsigned char)((uint64_t)payload->size >> shift);
    }
    if (!masked) {
        memcpy(to, payload->data, payload->size);
        return 0;
    }
    PyObject *key = PyObject_CallNoArgs(state->new_mask);
    const unsigned char *mask = key == NULL ? NULL : get_mask(key);
    if (mask != NULL) {
        memcpy(to, mask, MASK_SIZE);
        mask_bytes(to + MASK_SIZE, payload->data, payload->size, mask, 0);
    }
    Py_XDECREF(key);
    return mask == NULL ? -1 : 0;
}

/* Make a frame with a single allocation. */
static PyObject *
make_frame(State *state, int first, const Bytes *payload, bool masked)
{
    Py_ssize_t size = frame_size(payload->size, masked);
    PyObject *frame = size < 0 ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (frame != NULL) {
        unsigned char *to = (unsigned char *)PyBytes_AS_STRING(frame);
        if (write_frame(state, to, first, payload, masked) < 0) {
            Py_CLEAR(frame);
        }
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
    PyObject *frame = make_frame(state_of(module), (int)first, &payload, flags[WITH_MASK]);
    Py_DECREF(payload.owner);
    return frame;
}

/* Find out what the payload of a message is, and the first byte of its frame. */
int
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
        /* PyUnicode_AsUTF8AndSize would leave the UTF-8 with the str as long as that lives. */
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

/* Make the frame of a message, and have it counted if there is a Tally. */
PyObject *
make_message(State *state, PyObject *message, bool masked, Tally *tally)
{
    Bytes payload;
    int first;
    if (get_message(message, &payload, &first) < 0) {
        return NULL;
    }
    PyObject *frame = make_frame(state, first, &payload, masked);
    if (frame != NULL && tally != NULL) {
        count_message_out(tally, first == (FIN | TEXT), payload.size, PyBytes_GET_SIZE(frame));
    }
    Py_DECREF(payload.owner);
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
    return masked < 0 ? NULL : make_message(state_of(module), args[0], masked, NULL);
}


/* Frames inward: messages, each whole and in one frame. */

/* Read the frame at the beginning of `data`. Return false if it isn't a message, compressed or not
 * as `rsv1` says, or isn't all there, or is longer than `most`. */
bool
read_frame(const unsigned char *data, Py_ssize_t available, bool masked, long long most, int rsv1,
           Frame *frame)
{
    if (available < 2 || (data[0] != (FIN | rsv1 | TEXT) && data[0] != (FIN | rsv1 | BINARY))
        || (data[1] >= MASKED) != masked) {
        return false;
    }
    uint64_t length = data[1] & 0x7F;
    Py_ssize_t header = 2;
    if (length > 125) {
        int extended = length == 126 ? 2 : 8;
        uint64_t shortest = length == 126 ? 126 : 1 << 16;
        header += extended;
        if (available < header) {
            return false;
        }
        length = 0;
        for (int i = 2; i < header; i++) {
            length = length << 8 | data[i];
        }
        /* Section 5.2: the minimal number of bytes MUST be used to encode the length. */
        if (length < shortest) {
            return false;
        }
    }
    if (masked) {
        header += MASK_SIZE;
    }
    if (available < header || length > (uint64_t)(available - header)
        || (long long)length > most) {
        return false;
    }
    frame->text = (data[0] & TEXT) != 0;
    frame->payload = data + header;
    frame->mask = masked ? frame->payload - MASK_SIZE : NULL;
    frame->size = (Py_ssize_t)length;
    return true;
}

static PyObject *
read_text(const Frame *frame)
{
    if (frame->mask == NULL) {
        return PyUnicode_DecodeUTF8((const char *)frame->payload, frame->size, NULL);
    }
    /* Most text is ASCII, so it is unmasked into a str as if it were. If it turns out not to be,
     * what that holds is UTF-8, and nobody has seen it. */
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

static PyObject *
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

/* Read max_size; None and what no frame can exceed are the same. */
int
get_most(PyObject *max_size, long long *most)
{
    *most = LLONG_MAX;
    if (max_size == Py_None || max_size == NULL) {
        return 0;
    }
    int overflow;
    long long size = PyLong_AsLongLongAndOverflow(max_size, &overflow);
    if (size == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow <= 0) {
        *most = size;
    }
    return 0;
}

/* Decode ordinary messages, and have them counted if there is a Tally. */
PyObject *
read_messages(PyObject *data, PyObject *start, bool masked, PyObject *max_size,
              PyObject *messages, Tally *tally)
{
    if (!PyList_Check(messages)) {
        PyErr_Format(PyExc_TypeError, "messages is a list, not %s", Py_TYPE(messages)->tp_name);
        return NULL;
    }
    long long most;
    if (get_most(max_size, &most) < 0) {
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
            /* Text that isn't UTF-8 is as any other frame that isn't ordinary. */
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


/* Frames inward: compressed messages. */

PyDoc_STRVAR(take_compressed_doc,
"take_compressed($module, data, position, masked, max_size, /)\n--\n\n"
"Take the compressed message off that begins at a position, if it is whole and in one frame.");

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
    if (get_most(args[3], &most) < 0) {
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


/* The module. */

static const char *const NAME_STRINGS[NAMES] = {
    [CORK] = "cork",
    [FLUSH] = "flush",
    [MESSAGE_FAILED] = "_message_failed",
    [MESSAGE_RECEIVED] = "messageReceived",
    [RECEIVE] = "_receive",
    [RECEIVE_OPENING] = "_receive_opening",
    [SEND_OTHERWISE] = "_send_otherwise",
    [UNCORK] = "uncork",
    [WRITE] = "write",
};

static int
execute(PyObject *module)
{
    PyObject *keys = PyImport_ImportModule("txws2.wire.keys");
    if (keys == NULL) {
        return -1;
    }
    State *state = state_of(module);
    state->new_mask = PyObject_GetAttrString(keys, "new_mask");
    Py_DECREF(keys);
    if (state->new_mask == NULL) {
        return -1;
    }
    for (int i = 0; i < NAMES; i++) {
        state->names[i] = PyUnicode_InternFromString(NAME_STRINGS[i]);
        if (state->names[i] == NULL) {
            return -1;
        }
    }
    if (add_payload_buffer(module) < 0 || add_tally(module, state) < 0) {
        return -1;
    }
    return add_exchange(module, state);
}

static int
traverse(PyObject *module, visitproc visit, void *arg)
{
    Py_VISIT(state_of(module)->new_mask);
    Py_VISIT(state_of(module)->cork_type);
    Py_VISIT(state_of(module)->tally_type);
    /* The spares and the names refer to nothing. */
    return 0;
}

static int
clear(PyObject *module)
{
    State *state = state_of(module);
    Py_CLEAR(state->new_mask);
    Py_CLEAR(state->cork_type);
    Py_CLEAR(state->tally_type);
    for (int i = 0; i < NAMES; i++) {
        Py_CLEAR(state->names[i]);
    }
    for (int i = 0; i < SPARES; i++) {
        Py_CLEAR(state->spares[i]);
    }
    return 0;
}

static void
free_module(void *module)
{
    clear(module);
}

static PyMethodDef methods[] = {
    {"apply_mask", (PyCFunction)(void (*)(void))apply_mask, METH_FASTCALL, apply_mask_doc},
    {"decode_messages", (PyCFunction)(void (*)(void))decode_messages, METH_FASTCALL,
     decode_messages_doc},
    {"encode_frame", (PyCFunction)(void (*)(void))encode_frame, METH_FASTCALL | METH_KEYWORDS,
     encode_frame_doc},
    {"encode_message", (PyCFunction)(void (*)(void))encode_message, METH_FASTCALL,
     encode_message_doc},
    {"take_compressed", (PyCFunction)(void (*)(void))take_compressed, METH_FASTCALL,
     take_compressed_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "txws2.wire._speedups",
    .m_doc = "What txws2.wire.speedups finds in C.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    return PyModuleDef_Init(&definition);
}
