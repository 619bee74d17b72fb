/* An Exchange receives: messages and control frames go straight from a read to the application. */

#include "accelerator.h"

/* Give a message to its receiver, and have the result awaited, unless it is None. */
static int
give(State *state, Exchange *self, PyObject *message)
{
    Queue *queue = queue_of(self->receiver);
    if (queue != NULL) {
        Py_INCREF(queue);
        int put = queue_put(state, queue, message);
        Py_DECREF(queue);
        return put < 0 ? exchange_report(state, self, MESSAGE_FAILED) : 0;
    }
    PyObject *receiver = Py_NewRef(self->receiver == NULL ? Py_None : self->receiver);
    PyObject *arguments[] = {receiver, message};
    PyObject *result = PyObject_VectorcallMethod(state->names[MESSAGE_RECEIVED], arguments,
                                                 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(receiver);
    if (result == NULL) {
        return exchange_report(state, self, MESSAGE_FAILED);
    }
    int given = result == Py_None ? 0 : call(state, (PyObject *)self, HOOK_RETURNED, result);
    Py_DECREF(result);
    return given;
}

/* Tell whether the application gets nothing more, -1 with an exception. It gets nothing more once
 * somebody has closed the transport, unless it keeps the messages. */
static int
is_shut(State *state, Exchange *self, Cork *cork)
{
    if (self->shut || cork_is_read(cork)) {
        return self->shut;
    }
    int hung_up = has_hung_up(state, cork);
    if (hung_up > 0) {
        hung_up = call(state, (PyObject *)self, TRANSPORT_CLOSED, NULL);
    }
    return hung_up < 0 ? -1 : self->shut;
}

/* Wake the reader that waits for messages in pull style, after those of a read. */
int
wake(State *state, Exchange *self)
{
    Queue *queue = queue_of(self->receiver);
    if (queue == NULL) {
        return 0;
    }
    Py_INCREF(queue);
    int woken = queue_wake(state, queue);
    if (woken == 0 && queue_is_unread(queue)) {
        woken = call(state, (PyObject *)self, LEFT_UNREAD, NULL);
    }
    Py_DECREF(queue);
    return woken < 0 ? exchange_report(state, self, MESSAGE_FAILED) : 0;
}

/* Give messages of a list to the application, as long as it takes them. Return the position of the
 * first event that isn't given, -1 with an exception. */
Py_ssize_t
give_messages(State *state, Exchange *self, Cork *cork, PyObject *events, Py_ssize_t position)
{
    while (position < PyList_GET_SIZE(events)) {
        PyObject *event = PyList_GET_ITEM(events, position);
        if (!PyUnicode_Check(event) && !PyBytes_Check(event)) {
            break;
        }
        /* Python code may run, and may change the list. */
        Py_INCREF(event);
        int shut = is_shut(state, self, cork);
        int given = shut != 0 ? 0 : give(state, self, event);
        Py_DECREF(event);
        if (shut < 0 || given < 0) {
            return -1;
        }
        if (shut) {
            break;
        }
        position++;
    }
    return position;
}

/* Return the object whose hooks are called; NULL if that isn't known, or with an exception. */
static PyObject *
find_application(State *state, Exchange *self)
{
    if (queue_of(self->receiver) == NULL) {
        return Py_XNewRef(self->receiver);
    }
    PyObject *application = PyObject_GetAttr((PyObject *)self, state->names[APPLICATION]);
    if (application == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
    }
    return application;
}

/* Tell whether a hook is our own, which does nothing; -1 with an exception. */
static int
is_our_ping_hook(State *state, PyObject *hook)
{
    if (state->ping_hook == NULL) {
        PyObject *module = PyImport_ImportModule("txws2._connection.receiver");
        PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, "Receiver");
        Py_XDECREF(module);
        state->ping_hook = type == NULL ? NULL : PyObject_GetAttr(type, state->names[PING_HOOK]);
        Py_XDECREF(type);
        if (state->ping_hook == NULL) {
            return -1;
        }
    }
    return PyMethod_Check(hook) && PyMethod_GET_FUNCTION(hook) == state->ping_hook;
}

/* Tell whether nobody hears of a ping, so that there is nothing to call; -1 with an exception. */
static int
is_unheard(State *state, Exchange *self)
{
    PyObject *application = find_application(state, self);
    if (application == NULL || !PyObject_TypeCheck(application, state->handle_type)) {
        Py_XDECREF(application);
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *hook = PyObject_GetAttr(application, state->names[PING_HOOK]);
    Py_DECREF(application);
    int unheard = hook == NULL ? -1 : is_our_ping_hook(state, hook);
    Py_XDECREF(hook);
    return unheard;
}

/* Tell the application of a ping that was answered, if it has a hook for it; -1 with an exception. */
static int
tell_of_ping(State *state, Exchange *self, const Bytes *payload)
{
    int unheard = is_unheard(state, self);
    if (unheard != 0) {
        return unheard < 0 ? -1 : 0;
    }
    PyObject *bytes = bytes_from(payload, 0);
    int told = bytes == NULL ? -1 : call(state, (PyObject *)self, PING_RECEIVED, bytes);
    Py_XDECREF(bytes);
    return told;
}

/* Answer a ping if nothing is against sending now, as `pong` in connection.py does. Return 0 if it
 * must wait, -1 with an exception. */
static int
answer_ping(State *state, Exchange *self, Cork *cork, Decoder *decoder, const Bytes *payload)
{
    Tally *tally = &decoder->tally;
    int ready = cork->corked && tally->ordinary_out ? cork_is_ready(cork) : 0;
    if (ready <= 0) {
        return ready;
    }
    Py_ssize_t size = count_frame(tally, INWARD, PING) < 0 || count_frame(tally, OUTWARD, PONG) < 0
                          ? -1
                          : cork_control(state, cork, FIN | PONG, payload, tally->client);
    if (size < 0) {
        return -1;
    }
    tally->bytes[OUTWARD] += size;
    return tell_of_ping(state, self, payload) < 0 ? -1 : 1;
}

/* Give a control frame to the driver. */
static int
pass_on(State *state, Exchange *self, int opcode, const Bytes *payload)
{
    PyObject *number = PyLong_FromLong(opcode);
    PyObject *bytes = number == NULL ? NULL : bytes_from(payload, 0);
    PyObject *result = NULL;
    if (bytes != NULL) {
        PyObject *arguments[] = {(PyObject *)self, number, bytes};
        result = PyObject_VectorcallMethod(state->names[CONTROL_RECEIVED], arguments,
                                           3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    Py_XDECREF(number);
    Py_XDECREF(bytes);
    Py_XDECREF(result);
    return result == NULL ? -1 : 1;
}

/* Take the control frame at the beginning of the rest. Return 0 if it is left there, -1 with an
 * exception. */
static int
receive_control(State *state, Exchange *self, Cork *cork, Decoder *decoder, Bytes *rest)
{
    unsigned char place[CONTROL_SIZE];
    Bytes payload = {.data = place};
    Py_ssize_t before = rest->size;
    int opcode = take_control(decoder, rest, place, &payload.size);
    if (opcode <= 0) {
        return opcode;
    }
    decoder->tally.bytes[INWARD] += before - rest->size;
    int received = opcode == PING ? answer_ping(state, self, cork, decoder, &payload) : 0;
    return received != 0 ? received : pass_on(state, self, opcode, &payload);
}

/* Give what is next in a read to the application. Return 0 if it is left there, -1 with an
 * exception. */
static int
deliver_next(State *state, Exchange *self, Cork *cork, Decoder *decoder, const Limits *limits,
             Bytes *rest)
{
    PyObject *message;
    Py_ssize_t before = rest->size;
    Found found = find_next(state, decoder, limits, rest, &message);
    decoder->tally.bytes[INWARD] += before - rest->size;
    if (found == MESSAGE) {
        int given = give(state, self, message);
        Py_DECREF(message);
        return given < 0 ? -1 : 1;
    }
    if (found == FAILED) {
        /* The peer has broken the protocol. Nothing after it matters. */
        decoder->tally.bytes[INWARD] += rest->size;
        rest->size = 0;
        return exchange_report(state, self, REFUSE) < 0 ? -1 : 1;
    }
    return found == NOTHING ? 1 : receive_control(state, self, cork, decoder, rest);
}

/* Tell whether the next bytes may be delivered on the fast path. A message of which a part was taken
 * may not: the driver delivers it. */
bool
is_fast(const Decoder *decoder)
{
    return decoder->tally.ordinary_in && (decoder->unfinished == NULL || !decoder->unfinished->parted);
}

/* Return the number of bytes that all messages have more than the data they came in. */
static long long
growth(const Decoder *decoder)
{
    return (long long)(decoder->tally.payload[INWARD] - decoder->tally.bytes[INWARD]);
}

/* Give the messages at the beginning of a read to the application, as long as it takes them. -1
 * with an exception. */
static int
deliver(State *state, Exchange *self, Cork *cork, Decoder *decoder, Bytes *rest)
{
    if (self->shut || !is_fast(decoder)) {
        return 0;
    }
    Limits limits;
    if (read_limits(decoder, &limits) < 0) {
        return -1;
    }
    long long most = growth(decoder) + MOST_GROWTH;
    while (rest->size > 0 && is_fast(decoder)) {
        if (growth(decoder) > most) {
            if (call(state, (PyObject *)self, LET_CATCH_UP, NULL) < 0) {
                return -1;
            }
            most = growth(decoder) + MOST_GROWTH;
            continue;
        }
        int shut = is_shut(state, self, cork);
        if (shut != 0) {
            return shut < 0 ? -1 : 0;
        }
        int delivered = deliver_next(state, self, cork, decoder, &limits, rest);
        if (delivered <= 0) {
            return delivered;
        }
    }
    return 0;
}

int
receive(State *state, Exchange *self, Cork *outbox, Decoder *decoder, const Bytes *read)
{
    Bytes rest = {.data = read->data, .size = read->size};
    if (deliver(state, self, outbox, decoder, &rest) < 0) {
        return -1;
    }
    int received = 0;
    if (rest.size > 0 || read->size == 0) {
        PyObject *left = bytes_from(read, read->size - rest.size);
        received = left == NULL ? -1 : call(state, (PyObject *)self, RECEIVE, left);
        Py_XDECREF(left);
    }
    else if (waiting(decoder->unfinished) > 0) {
        received = call(state, (PyObject *)self, READ_ENDED, NULL);
    }
    int woken = received < 0 ? -1 : wake(state, self);
    while (woken == 0 && self->holds) {
        woken = call(state, (PyObject *)self, RECEIVE_HELD, NULL) < 0 ? -1 : wake(state, self);
    }
    return woken;
}
