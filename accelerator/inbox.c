/* The messages that wait for recv(): MessageQueue, whose twin is in message_queue.py. */

#include "accelerator.h"
#include <structmember.h>

/* MESSAGE_OVERHEAD and READ_AHEAD in read_pause.py. */
enum { MESSAGE_OVERHEAD = 64, READ_AHEAD = 256 << 10, LEAST_ROOM = 8 };

/* A queue in an array: `count` items, from `first` on. Without items, there is no array. */
struct Queue {
    PyObject_HEAD
    PyObject **items;
    PyObject *reader;       /* Waits for the next message; NULL for nobody. */
    Py_ssize_t size;
    uint32_t first;
    uint32_t count;
    uint32_t room;
    uint32_t limit;         /* UINT32_MAX for none. */
    char taking;
    char plain;
    char pausing;
    char asked;
    char ended;
};

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

static int
append(Queue *self, PyObject *item)
{
    if (self->first + self->count == self->room && grow_if_full(self) < 0) {
        return -1;
    }
    self->items[self->first + self->count++] = Py_NewRef(item);
    return 0;
}

/* Take the first item, of which there must be one. */
static PyObject *
pop(Queue *self)
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
static bool
has_room(const Queue *self)
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
    PyObject *message = pop(self);
    self->size -= size_of(message);
    if (self->pausing && has_room(self) && call(state, (PyObject *)self, RESUME, NULL) < 0) {
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
    if (append(self, message) < 0) {
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

PyDoc_STRVAR(put_doc,
"put($self, message, /)\n--\n\n"
"Take a message that has arrived; `wake` wakes its reader.");

PyDoc_STRVAR(message_received_doc,
"messageReceived($self, message, /)\n--\n\n"
"Take a message that has arrived; `wake` wakes its reader.");

static PyObject *
method_put(Queue *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
           PyObject *names)
{
    if (check_count("put", count + count_of(names), 1, 1) < 0
        || queue_put(PyType_GetModuleState(defining), self, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(wake_doc,
"wake($self, /)\n--\n\n"
"Wake the reader, if one waits and there is a message; pause reading if too many are left.");

static PyObject *
method_wake(Queue *self, PyTypeObject *defining, PyObject *const *Py_UNUSED(args),
            Py_ssize_t count, PyObject *names)
{
    if (check_count("wake", count + count_of(names), 0, 0) < 0
        || queue_wake(PyType_GetModuleState(defining), self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(append_doc, "append($self, item, /)\n--\n\nAdd an item at the end.");

static PyObject *
method_append(Queue *self, PyObject *item)
{
    if (append(self, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(prepend_doc, "prepend($self, item, /)\n--\n\nAdd an item before all others.");

static PyObject *
method_prepend(Queue *self, PyObject *item)
{
    if (self->first == 0) {
        if (append(self, item) < 0) {
            return NULL;
        }
        memmove(self->items + self->first + 1, self->items + self->first,
                (self->count - 1) * sizeof(PyObject *));
        self->items[self->first] = item;
        Py_RETURN_NONE;
    }
    self->items[--self->first] = Py_NewRef(item);
    self->count++;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(pop_doc, "pop($self, /)\n--\n\nTake the first item.");

static PyObject *
method_pop(Queue *self, PyObject *Py_UNUSED(ignored))
{
    if (self->count == 0) {
        PyErr_SetString(PyExc_IndexError, "pop from an empty MessageQueue");
        return NULL;
    }
    return pop(self);
}

static PyObject *
get_waiting(Queue *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(self->count);
}

static PyObject *
get_full(Queue *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->count >= self->limit);
}

static PyObject *
get_roomy(Queue *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(has_room(self));
}

static int
queue_init(Queue *self, PyObject *args, PyObject *options)
{
    PyObject *limit;
    static char *words[] = {"max_queue", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, options, "O:MessageQueue", words, &limit)) {
        return -1;
    }
    self->limit = UINT32_MAX;
    if (limit != Py_None) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(limit, &overflow);
        if (number == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (overflow == 0 && number < UINT32_MAX) {
            self->limit = number < 0 ? 0 : (uint32_t)number;
        }
    }
    self->taking = self->plain = true;
    return 0;
}

static int
queue_traverse(Queue *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->reader);
    for (uint32_t i = 0; i < self->count; i++) {
        Py_VISIT(self->items[self->first + i]);
    }
    return 0;
}

static int
queue_clear(Queue *self)
{
    Py_CLEAR(self->reader);
    PyObject **items = self->items;
    uint32_t first = self->first, count = self->count;
    self->items = NULL;
    self->first = self->count = self->room = 0;
    for (uint32_t i = 0; i < count; i++) {
        Py_DECREF(items[first + i]);
    }
    PyMem_Free(items);
    return 0;
}

static void
queue_dealloc(Queue *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    queue_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef queue_methods[] = {
    {"put", (PyCFunction)(void (*)(void))method_put,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, put_doc},
    {"messageReceived", (PyCFunction)(void (*)(void))method_put,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, message_received_doc},
    {"wake", (PyCFunction)(void (*)(void))method_wake,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, wake_doc},
    {"append", (PyCFunction)method_append, METH_O, append_doc},
    {"prepend", (PyCFunction)method_prepend, METH_O, prepend_doc},
    {"pop", (PyCFunction)method_pop, METH_NOARGS, pop_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef queue_members[] = {
    {"reader", T_OBJECT, offsetof(Queue, reader), 0, "Waits for the next message, or None."},
    {"size", T_PYSSIZET, offsetof(Queue, size), 0, "Bytes of the messages that wait."},
    {"taking", T_BOOL, offsetof(Queue, taking), 0, "True if `put` keeps each message."},
    {"plain", T_BOOL, offsetof(Queue, plain), 0, "True if whoever asks gets the next message."},
    {"pausing", T_BOOL, offsetof(Queue, pausing), 0, "True if reading was paused."},
    {"asked", T_BOOL, offsetof(Queue, asked), 0, "True once somebody has asked for a message."},
    {"ended", T_BOOL, offsetof(Queue, ended), 0, "True if no more messages come."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef queue_properties[] = {
    {"waiting", (getter)get_waiting, NULL, "The number of messages that wait here.", NULL},
    {"full", (getter)get_full, NULL, "True if as many messages wait as may wait.", NULL},
    {"roomy", (getter)get_roomy, NULL, "True if no more than a quarter of these wait.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(queue_doc,
"MessageQueue(max_queue)\n--\n\n"
"Messages in the order of their arrival, and the one reader that waits for the next.");

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, (void *)queue_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, queue_init},
    {Py_am_aiter, PyObject_SelfIter},
    {Py_am_anext, queue_next},
    {Py_tp_traverse, queue_traverse},
    {Py_tp_clear, queue_clear},
    {Py_tp_dealloc, queue_dealloc},
    {Py_tp_methods, queue_methods},
    {Py_tp_members, queue_members},
    {Py_tp_getset, queue_properties},
    {0, NULL},
};

static PyType_Spec queue_spec = {
    .name = "txws2._speedups.MessageQueue",
    .basicsize = sizeof(Queue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = queue_slots,
};

int
add_inbox(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &queue_spec, NULL);
    int added = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return added;
}
