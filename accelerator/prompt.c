/* Awaiting a result that is there already: Prompt, whose twin is in prompt.py. */

#include "accelerator.h"
#include <structmember.h>

/* The number of arguments of a callback, besides the result, that are kept without a Deferred's
 * lists; Twisted's coroutines need four. */
enum { MOST_ARGUMENTS = 6 };

/* Return an instance of this subclass of Prompt, which has fired with a result unless that is
 * NULL. */
PyObject *
new_prompt(PyObject *type, PyObject *source, PyObject *result)
{
    Prompt *self = (Prompt *)((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 0);
    if (self != NULL) {
        self->source = Py_XNewRef(source);
        self->result = Py_XNewRef(result);
        self->called = result != NULL;
    }
    return (PyObject *)self;
}

/* Tell whether this is as it was made: no weak reference, and nothing in its dictionary. */
static bool
is_untouched(PyObject *self)
{
    PyObject **attributes = _PyObject_GetDictPtr(self);
    Py_ssize_t weak = Py_TYPE(self)->tp_weaklistoffset;
    return (attributes == NULL || *attributes == NULL || PyDict_GET_SIZE(*attributes) == 0)
           && (weak == 0 || *(PyObject **)((char *)self + weak) == NULL);
}

/* Return a Deferred that has fired with None, for each `await` of a `send`. It serves again as soon
 * as nobody has it any more, unless something else was made of it. */
PyObject *
new_done(State *state)
{
    PyObject *spare = state->spare_done;
    if (spare != NULL && Py_REFCNT(spare) == 1 && is_untouched(spare)) {
        return Py_NewRef(spare);
    }
    PyObject *made = new_prompt(state->done, NULL, Py_None);
    if (made != NULL) {
        ((Prompt *)made)->spare = true;
        /* To release the other one may run Python code. */
        spare = state->spare_done;
        state->spare_done = Py_NewRef(made);
        if (spare != NULL) {
            ((Prompt *)spare)->spare = false;
            Py_DECREF(spare);
        }
    }
    return made;
}

/* Set an attribute, of which nobody else shall see anything. */
static int
prompt_set_attribute(PyObject *object, PyObject *name, PyObject *value)
{
    Prompt *self = (Prompt *)object;
    if (self->spare) {
        State *state = state_for(Py_TYPE(object));
        if (state == NULL) {
            return -1;
        }
        self->spare = false;
        if (state->spare_done == object) {
            Py_CLEAR(state->spare_done);
        }
    }
    return PyObject_GenericSetAttr(object, name, value);
}

static PyObject *
prompt_await(PyObject *object)
{
    State *state = state_for(Py_TYPE(object));
    return state == NULL ? NULL : answer_for(state, (Prompt *)object);
}

/* Call the callback that was added, with the result. */
static PyObject *
call_waiting(Prompt *self, PyObject *result)
{
    PyObject *waiting = self->waiting, *arguments = self->arguments;
    self->waiting = self->arguments = NULL;
    PyObject *passed[2 + MOST_ARGUMENTS] = {NULL, result};
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    for (Py_ssize_t i = 0; i < count; i++) {
        passed[2 + i] = PyTuple_GET_ITEM(arguments, i);
    }
    PyObject *next = PyObject_Vectorcall(waiting, passed + 1,
                                         (1 + count) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(waiting);
    Py_DECREF(arguments);
    return next;
}

/* Call the callback; the result that it leaves takes the place of the result. */
static int
fire(State *state, Prompt *self, PyObject *result)
{
    if (self->whole || self->called || self->paused != 0) {
        return call(state, (PyObject *)self, CALL_BACK, result);
    }
    /* A coroutine looks it up here. */
    self->called = true;
    Py_XSETREF(self->result, Py_NewRef(result));
    if (!is_set(self->waiting) || !PyTuple_Check(self->arguments)) {
        return 0;
    }
    self->calling = true;
    PyObject *next = call_waiting(self, result);
    self->calling = false;
    if (next == NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        if (traceback != NULL) {
            PyException_SetTraceback(value, traceback);
        }
        int told = call(state, (PyObject *)self, RAISED, value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return told;
    }
    int fired = 0;
    if (is_answer(next) && self->paused == 0) {
        Py_XSETREF(self->result, Py_NewRef(next));
    }
    else {
        fired = call(state, (PyObject *)self, RETURNED, next);
    }
    Py_DECREF(next);
    return fired;
}

PyDoc_STRVAR(callback_doc,
"callback($self, result, /)\n--\n\n"
"Give the result to the coroutine that awaits it, or to the callbacks.");

PyDoc_STRVAR(give_doc,
"give($self, result, /)\n--\n\n"
"Give the result to the coroutine that awaits it, or to the callbacks.");

static PyObject *
method_callback(Prompt *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                PyObject *names)
{
    if (check_count("callback", count + count_of(names), 1, 1) < 0
        || fire(PyType_GetModuleState(defining), self, args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(add_both_doc,
"addBoth($self, /, *args, **kwargs)\n--\n\n"
"Add a callback for the result, or for the Failure; its arguments come after it.");

static PyObject *
method_add_both(Prompt *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                PyObject *names)
{
    if (is_set(self->waiting) || self->whole || self->called || count_of(names) > 0 || count < 1
        || count > 1 + MOST_ARGUMENTS) {
        State *state = PyType_GetModuleState(defining);
        PyObject *general = PyObject_GetAttr((PyObject *)self, state->names[ADD_BOTH]);
        PyObject *added = general == NULL ? NULL
                                          : PyObject_Vectorcall(general, args, count, names);
        Py_XDECREF(general);
        return added;
    }
    PyObject *arguments = PyTuple_New(count - 1);
    if (arguments == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 1; i < count; i++) {
        PyTuple_SET_ITEM(arguments, i - 1, Py_NewRef(args[i]));
    }
    Py_XSETREF(self->arguments, arguments);
    Py_XSETREF(self->waiting, Py_NewRef(args[0]));
    return Py_NewRef(self);
}

static int
prompt_traverse(Prompt *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->result);
    Py_VISIT(self->source);
    Py_VISIT(self->waiting);
    Py_VISIT(self->arguments);
    Py_VISIT(self->blocking);
    return 0;
}

static int
prompt_clear(Prompt *self)
{
    Py_CLEAR(self->result);
    Py_CLEAR(self->source);
    Py_CLEAR(self->waiting);
    Py_CLEAR(self->arguments);
    Py_CLEAR(self->blocking);
    return 0;
}

static void
prompt_dealloc(Prompt *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    prompt_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef prompt_methods[] = {
    {"addBoth", (PyCFunction)(void (*)(void))method_add_both,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, add_both_doc},
    {"callback", (PyCFunction)(void (*)(void))method_callback,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, callback_doc},
    {"give", (PyCFunction)(void (*)(void))method_callback,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, give_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef prompt_members[] = {
    {"result", T_OBJECT_EX, offsetof(Prompt, result), 0, "The result, once it has fired."},
    {"source", T_OBJECT, offsetof(Prompt, source), 0, "The object that gives the message."},
    {"_waiting", T_OBJECT, offsetof(Prompt, waiting), 0, "The first callback, or None."},
    {"_arguments", T_OBJECT, offsetof(Prompt, arguments), 0, "Its arguments, or None."},
    {"_whole", T_BOOL, offsetof(Prompt, whole), 0, "True if it has all of a Deferred."},
    {"_calling", T_BOOL, offsetof(Prompt, calling), READONLY, "True while the callback runs."},
    {"_asyncio_future_blocking", T_OBJECT, offsetof(Prompt, blocking), 0, "For asyncio."},
    {"paused", T_INT, offsetof(Prompt, paused), 0, "The number of times it was paused."},
    {"called", T_BOOL, offsetof(Prompt, called), 0, "True once it has fired."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(prompt_doc,
"Prompt()\n--\n\n"
"Keeps the state of a Deferred, and its first callback.");

static PyType_Slot prompt_slots[] = {
    {Py_tp_doc, (void *)prompt_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_am_await, prompt_await},
    {Py_tp_iter, prompt_await},
    {Py_tp_setattro, prompt_set_attribute},
    {Py_tp_traverse, prompt_traverse},
    {Py_tp_clear, prompt_clear},
    {Py_tp_dealloc, prompt_dealloc},
    {Py_tp_methods, prompt_methods},
    {Py_tp_members, prompt_members},
    {0, NULL},
};

static PyType_Spec prompt_spec = {
    .name = "txws2._speedups.Prompt",
    .basicsize = sizeof(Prompt),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = prompt_slots,
};

int
add_prompt(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &prompt_spec, NULL);
    int added = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return added;
}
