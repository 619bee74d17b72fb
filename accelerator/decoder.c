/* The messages in the bytes of a connection: Decoder, whose twin is in wire/decoder.py. */

#include "accelerator.h"

/* _LARGE and _PIECE_SIZE in wire/decoder.py. */
enum { LARGE_MESSAGE = 4 << 20, PIECE = 4 << 10 };

static void
advance(Bytes *rest, Py_ssize_t size)
{
    rest->data += size;
    rest->size -= size;
}

static Unfinished *
need_unfinished(Decoder *self)
{
    if (self->unfinished == NULL) {
        self->unfinished = PyMem_Calloc(1, sizeof(Unfinished));
        if (self->unfinished == NULL) {
            PyErr_NoMemory();
        }
    }
    return self->unfinished;
}

static void
drop_unfinished(Decoder *self)
{
    Unfinished *kept = self->unfinished;
    self->unfinished = NULL;
    free_unfinished(kept);
}

/* Keep the beginning of a frame; with no bytes, forget it. */
int
hold(Decoder *self, const unsigned char *data, Py_ssize_t size)
{
    if (size > 0) {
        Unfinished *kept = need_unfinished(self);
        if (kept == NULL) {
            return -1;
        }
        memmove(kept->head, data, size);
    }
    if (self->unfinished != NULL) {
        self->unfinished->held = (unsigned char)size;
        if (size == 0 && !self->unfinished->begun) {
            drop_unfinished(self);
        }
    }
    return 0;
}

/* Get at the beginning of a frame, which may have begun in an earlier read; return the number of
 * bytes that have come of it, at most `room`. */
static Py_ssize_t
join_head(const Decoder *self, const Bytes *rest, unsigned char *joined, Py_ssize_t room,
          const unsigned char **head)
{
    Py_ssize_t held = self->unfinished == NULL ? 0 : self->unfinished->held;
    *head = rest->data;
    if (held == 0) {
        return rest->size;
    }
    Py_ssize_t more = Py_MIN(rest->size, room - held);
    memcpy(joined, self->unfinished->head, held);
    memcpy(joined + held, rest->data, more);
    *head = joined;
    return held + more;
}

/* Tell whether this is the first byte of a right frame of a message. */
static bool
is_of_message(const Decoder *self, unsigned char first)
{
    int opcode = first & OPCODE, reserved = first & RESERVED;
    if (self->unfinished != NULL && self->unfinished->begun) {
        return opcode == CONT && reserved == 0;
    }
    return (opcode == TEXT || opcode == BINARY)
           && (reserved == 0 || (reserved == RSV1 && self->tally.inflates));
}

/* Take the message whose last byte has come. */
static Found
finish(State *state, Decoder *self, PyObject **message)
{
    bool text = self->unfinished->text, parted = self->unfinished->parted;
    *message = finish_message(state, self->unfinished);
    if (*message == NULL) {
        return FAILED;
    }
    drop_unfinished(self);
    count_message_in(&self->tally, text, 0);
    if (parted) {
        PyObject *module = PyImport_ImportModule("txws2.wire.events");
        PyObject *rest = module == NULL ? NULL
                                        : PyObject_CallMethod(module, "Remainder", "(O)", *message);
        Py_XDECREF(module);
        Py_SETREF(*message, rest);
    }
    return *message == NULL ? FAILED : MESSAGE;
}

/* Inflate bytes that have come, and give up the reference to them. The unfinished message isn't
 * touched meanwhile, since Python code runs. */
static PyObject *
inflate(State *state, Decoder *self, PyObject *part, bool ends)
{
    Unfinished *kept = self->unfinished;
    PyObject *before = part == NULL ? NULL : PyLong_FromLongLong(kept->decoded);
    if (before == NULL) {
        Py_XDECREF(part);
        return NULL;
    }
    self->unfinished = NULL;
    PyObject *inflated = PyObject_CallMethodObjArgs((PyObject *)self, state->names[INFLATE_PART],
                                                    part, before, ends ? Py_True : Py_False, NULL);
    Py_DECREF(part);
    Py_DECREF(before);
    free_unfinished(self->unfinished);
    self->unfinished = kept;
    if (inflated != NULL && !PyBytes_Check(inflated)) {
        PyErr_Format(PyExc_TypeError, "inflate_part returns bytes, not %s",
                     Py_TYPE(inflated)->tp_name);
        Py_CLEAR(inflated);
    }
    return inflated;
}

static Found
read_compressed(State *state, Decoder *self, const unsigned char *data, Py_ssize_t size, bool ends,
                PyObject **message)
{
    Unfinished *kept = self->unfinished;
    PyObject *part = read_binary(data, size, &kept->key, kept->offset);
    note_read(kept, size);
    PyObject *inflated = inflate(state, self, part, ends);
    if (inflated == NULL) {
        return FAILED;
    }
    size = PyBytes_GET_SIZE(inflated);
    data = (const unsigned char *)PyBytes_AS_STRING(inflated);
    if (ends && kept->arrived == 0 && !kept->parted) {
        /* Nearly always, the message was whole in one read. */
        static const Key none;
        *message = kept->text ? read_text(data, size, &none) : Py_NewRef(inflated);
        if (*message != NULL || !is_not_utf8()) {
            Py_DECREF(inflated);
            if (*message == NULL) {
                return FAILED;
            }
            count_message_in(&self->tally, kept->text, size);
            drop_unfinished(self);
            return MESSAGE;
        }
    }
    int added = add_to(state, kept, data, size, NULL);
    Py_DECREF(inflated);
    if (added < 0) {
        return FAILED;
    }
    self->tally.payload[INWARD] += size;
    return ends ? finish(state, self, message) : NOTHING;
}

/* Read as much of the current frame's payload as has come, or a piece of it if it may inflate to
 * very much: then the caller may stop before the next piece. */
static Found
read_payload(State *state, Decoder *self, const Limits *limits, Bytes *rest, PyObject **message)
{
    Unfinished *kept = self->unfinished;
    Py_ssize_t size = (Py_ssize_t)Py_MIN(rest->size, kept->missing);
    if (kept->compressed && limits->size > LARGE_MESSAGE) {
        size = Py_MIN(size, PIECE);
    }
    bool ends = kept->last && size == kept->missing;
    const unsigned char *data = rest->data;
    advance(rest, size);
    if (kept->compressed) {
        return read_compressed(state, self, data, size, ends, message);
    }
    if (add_to(state, kept, data, size, &kept->key) < 0) {
        return FAILED;
    }
    note_read(kept, size);
    self->tally.payload[INWARD] += size;
    return ends ? finish(state, self, message) : NOTHING;
}

/* Read as much of a frame as has come, if it is a right frame of a message. */
static Found
read_data_frame(State *state, Decoder *self, const Limits *limits, Bytes *rest, PyObject **message)
{
    unsigned char joined[HEAD_SIZE];
    const unsigned char *head;
    Py_ssize_t available = join_head(self, rest, joined, sizeof joined, &head);
    if (!is_of_message(self, head[0])) {
        return OTHER;
    }
    Header header;
    int whole = read_header(head, available, !self->tally.client, &header);
    if (whole < 0) {
        return OTHER;
    }
    if (whole == 0) {
        advance(rest, rest->size);
        return hold(self, head, available) < 0 ? FAILED : NOTHING;
    }
    if (check_limits(self, limits, &header) < 0) {
        return FAILED;
    }
    Unfinished *kept = need_unfinished(self);
    if (kept == NULL || (kept->begun && count_frame(&self->tally, INWARD, CONT) < 0)) {
        return FAILED;
    }
    advance(rest, header.size - kept->held);
    begin_next(kept, &header);
    return read_payload(state, self, limits, rest, message);
}

/* Read the message at the beginning of the rest if it is an ordinary one. */
static Found
read_ordinary(Decoder *self, const Limits *limits, Bytes *rest, PyObject **message)
{
    const unsigned char *data = rest->data;
    Header header;
    if ((data[0] != (FIN | TEXT) && data[0] != (FIN | BINARY))
        || read_header(data, rest->size, !self->tally.client, &header) <= 0
        || header.length > rest->size - header.size || header.length > limits->size) {
        return OTHER;
    }
    bool text = data[0] == (FIN | TEXT);
    Py_ssize_t size = (Py_ssize_t)header.length;
    data += header.size;
    *message = text ? read_text(data, size, &header.key) : read_binary(data, size, &header.key, 0);
    if (*message == NULL) {
        return is_not_utf8() ? OTHER : FAILED;
    }
    advance(rest, header.size + size);
    count_message_in(&self->tally, text, size);
    return MESSAGE;
}

/* Read the message at the beginning of the rest if it is compressed, and whole. */
static Found
read_deflated(State *state, Decoder *self, const Limits *limits, Bytes *rest, PyObject **message)
{
    const unsigned char *data = rest->data;
    Header header;
    if (!self->tally.inflates || limits->fragments < 1
        || (data[0] != (FIN | RSV1 | TEXT) && data[0] != (FIN | RSV1 | BINARY))
        || read_header(data, rest->size, !self->tally.client, &header) <= 0 || header.length == 0
        || header.length > rest->size - header.size || header.length > limits->size
        || (limits->size > LARGE_MESSAGE && header.length > PIECE)) {
        return OTHER;
    }
    bool text = data[0] == (FIN | RSV1 | TEXT);
    Bytes payload = {.data = data + header.size, .size = (Py_ssize_t)header.length};
    Inflated inflated;
    Found found = inflate_whole(state, self->inflater, &payload, &header.key, text, limits->size,
                                &inflated);
    if (found != OTHER) {
        advance(rest, header.size + payload.size);
    }
    if (found == MESSAGE) {
        *message = inflated.message;
        count_message_in(&self->tally, text, inflated.size);
    }
    return found;
}

/* Find what comes next in the bytes of a read, of which there are some, and take it off; another
 * frame stays there. If nothing is found, the next call goes on with the bytes that are left. */
Found
find_next(State *state, Decoder *self, const Limits *limits, Bytes *rest, PyObject **message)
{
    const Unfinished *kept = self->unfinished;
    if (kept != NULL && kept->begun && kept->missing > 0) {
        return read_payload(state, self, limits, rest, message);
    }
    Found found = kept == NULL ? read_ordinary(self, limits, rest, message) : OTHER;
    if (found == OTHER && kept == NULL) {
        found = read_deflated(state, self, limits, rest, message);
    }
    return found == OTHER ? read_data_frame(state, self, limits, rest, message) : found;
}

/* Take off the control frame at the beginning of the rest, if it is whole and right, and leave its
 * payload in a place of CONTROL_SIZE bytes. Return its opcode, 0 if there is anything else, -1 with
 * an exception. */
int
take_control(Decoder *self, Bytes *rest, unsigned char *payload, Py_ssize_t *size)
{
    unsigned char joined[HEAD_SIZE];
    const unsigned char *head;
    Py_ssize_t held = self->unfinished == NULL ? 0 : self->unfinished->held;
    Py_ssize_t available = join_head(self, rest, joined, sizeof joined, &head);
    Header header;
    if (head[0] < (FIN | CLOSE) || head[0] > (FIN | PONG)
        || read_header(head, available, !self->tally.client, &header) <= 0
        || header.length > CONTROL_SIZE || header.length > available - header.size) {
        return 0;
    }
    *size = (Py_ssize_t)header.length;
    if (header.key.masked) {
        mask_bytes(payload, head + header.size, *size, header.key.mask, 0);
    }
    else {
        memcpy(payload, head + header.size, *size);
    }
    advance(rest, header.size + *size - held);
    return hold(self, NULL, 0) < 0 ? -1 : header.first & OPCODE;
}
