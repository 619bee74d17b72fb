/* The messages that wait for recv(): MessageQueue, whose twin is in message_queue.py. */

#include "accelerator.h"

/* MESSAGE_OVERHEAD and READ_AHEAD in read_pause.py. */
enum { MESSAGE_OVERHEAD = 64, READ_AHEAD = 256 << 10, LEAST_ROOM = 8 };

static bool
is_message(PyObject *object)
{
    return PyUnicode_CheckExact(object) || PyBytes_CheckExact(object);
}

static Py_ssize_t
size_of(PyObject *message)
{
    return MESSAGE_OVERHEAD
           + (PyUnicode_CheckExact(message) ? PyUnicode_GET_LENGTH(message)
                                            : PyBytes_GET_SIZE(message));
}

/* Move the items to the front of a larger array, if `first` doesn't leave enough room there. */
static int
grow_if_full(Queue *self)
{
    if (self->first < self->room / 2 || self->room == 0) {
        uint32_t room = self->room == 0 ? LEAST_ROOM : self->room * 2;
        PyObject **items = room < self->room
                               ? NULL
                               : PyMem_Malloc((size_t)room * sizeof(PyObject *));
        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        if (self->count > 0) {
            memcpy(items, self->items + self->first, self->count * sizeof(PyObject *));
        }
        PyMem_Free(self->items);
        self->items = items;
        self->room = room;
    }
    else {
        memmove(self->items, self->items + self->first, self->count * sizeof(PyObject *));
    }
    self->first = 0;
    return 0;
}

/* Add an item at the end. */
int
queue_append(Queue *self, PyObject *item)
{
    if (self->first + self->count == self->room && grow_if_full(self) < 0) {
        return -1;
    }
    self->items[self->first + self->count++] = Py_NewRef(item);
    return 0;
}

/* Add an item before all others. */
int
queue_prepend(Queue *self, PyObject *item)
{
    if (self->first > 0) {
        self->items[--self->first] = Py_NewRef(item);
        self->count++;
        return 0;
    }
    if (queue_append(self, item) < 0) {
        return -1;
    }
    memmove(self->items + 1, self->items, (self->count - 1) * sizeof(PyObject *));
    self->items[0] = item;
    return 0;
}

/* Take the first item, of which there must be one. */
PyObject *
queue_pop(Queue *self)
{
    PyObject *item = self->items[self->first++];
    if (--self->count == 0) {
        PyMem_Free(self->items);
        self->items = NULL;
        self->first = self->room = 0;
    }
    return item;
}

/* Tell whether so few messages are left that reading goes on. */
bool
queue_has_room(const Queue *self)
{
    return self->count <= (self->limit == UINT32_MAX ? 0 : self->limit / 4);
}

/* Tell whether whoever asks gets the next message. */
static bool
has_message(const Queue *self)
{
    return self->count > 0 && self->plain;
}

static PyObject *
take(State *state, Queue *self)
{
    if (!is_message(self->items[self->first])) {
        return PyObject_CallMethodNoArgs((PyObject *)self, state->names[TAKE_FIRST]);
    }
    PyObject *message = queue_pop(self);
    self->size -= size_of(message);
    if (self->pausing && queue_has_room(self) && call(state, (PyObject *)self, RESUME, NULL) < 0) {
        Py_DECREF(message);
        return NULL;
    }
    return message;
}

/* Return the object if it is a queue, or NULL. Only a subclass has this very function there. */
Queue *
queue_of(PyObject *object)
{
    const PyAsyncMethods *methods = object == NULL ? NULL : Py_TYPE(object)->tp_as_async;
    return methods != NULL && methods->am_anext == queue_next ? (Queue *)object : NULL;
}

/* Give the first message to the reader that waits. */
static int
answer_reader(State *state, Queue *self)
{
    PyObject *reader = self->reader;
    self->reader = NULL;
    PyObject *message = take(state, self);
    int given = message == NULL ? -1 : call(state, reader, GIVE, message);
    Py_XDECREF(message);
    Py_DECREF(reader);
    return given;
}

/* Tell whether messages are here although nobody waits for any. */
bool
queue_is_unread(const Queue *self)
{
    return self->count > 0 && !is_set(self->reader);
}

/* Wake the reader, if one waits and there is a message; pause reading if too many are left. */
int
queue_wake(State *state, Queue *self)
{
    Py_INCREF(self);
    int woken = 0;
    if (is_set(self->reader) && has_message(self)) {
        woken = answer_reader(state, self);
    }
    if (woken == 0 && self->taking && self->count >= self->limit) {
        woken = call(state, (PyObject *)self, PAUSE, NULL);
    }
    Py_DECREF(self);
    return woken;
}

/* Take a message that has arrived. */
int
queue_put(State *state, Queue *self, PyObject *message)
{
    if (!self->taking || !is_message(message)) {
        return call(state, (PyObject *)self, PUT_OTHERWISE, message);
    }
    if (queue_append(self, message) < 0) {
        return -1;
    }
    self->size += size_of(message);
    /* A compressed read can be a thousand times as large. */
    return self->size >= READ_AHEAD && is_set(self->reader) ? queue_wake(state, self) : 0;
}

/* Return the next message if a str or bytes is here and nobody else waits; NULL if not, or with an
 * exception. */
PyObject *
queue_take(State *state, Queue *self)
{
    return is_set(self->reader) || !has_message(self) || !is_message(self->items[self->first])
               ? NULL
               : take(state, self);
}

/* Return a Deferred of this type that waits for the next message; NULL if there is more to it, or
 * with an exception. */
PyObject *
queue_wait(Queue *self, PyObject *type)
{
    if (is_set(self->reader) || self->count > 0 || !self->plain || self->ended || self->pausing
        || type == Py_None) {
        return NULL;
    }
    PyObject *reader = new_prompt(type, (PyObject *)self, NULL);
    if (reader != NULL) {
        /* To make it may have run the garbage collector, and that, Python code. */
        if (is_set(self->reader) || self->count > 0 || !self->plain || self->ended) {
            Py_DECREF(reader);
            return NULL;
        }
        self->asked = true;
        Py_XSETREF(self->reader, Py_NewRef(reader));
    }
    return reader;
}

/* The next message, for `async for`. */
PyObject *
queue_next(PyObject *object)
{
    Queue *self = (Queue *)object;
    State *state = state_for(Py_TYPE(self));
    if (state == NULL) {
        return NULL;
    }
    PyObject *message = queue_take(state, self);
    if (message != NULL) {
        PyObject *answer = new_answer(state, message);
        Py_DECREF(message);
        return answer;
    }
    PyObject *waiting = PyErr_Occurred() || find_prompts(state) < 0
                            ? NULL
                            : queue_wait(self, state->step);
    return waiting != NULL || PyErr_Occurred()
               ? waiting
               : PyObject_CallMethodNoArgs(object, state->names[NEXT]);
}
