/* The iterator with which `await` waits for a Prompt, or gets a result that is there already; its
 * twin is __await__ of Eventual, in eventual.py. */

#include "accelerator.h"

/* An iterator for `await`: over a Deferred, or with a result that is there already. */
typedef struct {
    PyObject_HEAD
    PyObject *result;       /* NULL if there is none, or no more. */
    Prompt *deferred;       /* NULL if there is none. */
    PyObject *general;      /* The iterator that goes on with a rare result; NULL at first. */
} Answer;

/* Tell whether a result is nothing that has to be raised, or waited for. */
bool
is_answer(PyObject *result)
{
    return result != NULL
           && (PyUnicode_CheckExact(result) || PyBytes_CheckExact(result) || result == Py_None);
}

static Answer *
make_answer(State *state)
{
    Answer *self = (Answer *)state->spare_answer;
    if (self != NULL) {
        state->spare_answer = NULL;
        return self;
    }
    self = PyObject_GC_New(Answer, state->answer_type);
    if (self != NULL) {
        self->result = self->general = NULL;
        self->deferred = NULL;
    }
    return self;
}

static bool
has_answer(const Prompt *self)
{
    return self->called && self->paused == 0 && is_answer(self->result);
}

/* Return an awaitable that has a result, a message or None. */
PyObject *
new_answer(State *state, PyObject *result)
{
    if (result == Py_None && state->none_answer != NULL) {
        return Py_NewRef(state->none_answer);
    }
    Answer *self = make_answer(state);
    if (self != NULL) {
        self->result = Py_NewRef(result);
        if (result == Py_None) {
            state->none_answer = Py_NewRef(self);
        }
    }
    return (PyObject *)self;
}

/* Return an awaitable for a Deferred: with its result, if it has fired, or to wait for it. */
PyObject *
answer_for(State *state, Prompt *deferred)
{
    if (has_answer(deferred)) {
        return new_answer(state, deferred->result);
    }
    Answer *self = make_answer(state);
    if (self != NULL) {
        self->deferred = (Prompt *)Py_NewRef(deferred);
        PyObject_GC_Track(self);
    }
    return (PyObject *)self;
}

/* Wait for a Deferred, as __await__ of Eventual does. */
static PySendResult
answer_wait(Answer *self, PyObject **result)
{
    Prompt *deferred = self->deferred;
    if (self->general == NULL) {
        if (has_answer(deferred)) {
            *result = Py_NewRef(deferred->result);
            Py_CLEAR(self->deferred);
            return PYGEN_RETURN;
        }
        if (!deferred->called) {
            Py_XSETREF(deferred->blocking, Py_NewRef(Py_True));
            *result = Py_NewRef(deferred);
            return PYGEN_NEXT;
        }
        State *state = PyType_GetModuleState(Py_TYPE(self));
        self->general = PyObject_CallMethodNoArgs((PyObject *)deferred, state->names[WAIT]);
        if (self->general == NULL) {
            *result = NULL;
            return PYGEN_ERROR;
        }
    }
    PyObject *general = Py_NewRef(self->general);
    PySendResult sent = PyIter_Send(general, Py_None, result);
    Py_DECREF(general);
    return sent;
}

static PySendResult
answer_send(PyObject *object, PyObject *Py_UNUSED(sent), PyObject **result)
{
    Answer *self = (Answer *)object;
    if (self->deferred != NULL) {
        return answer_wait(self, result);
    }
    *result = self->result;
    if (*result == Py_None) {
        /* All who await None share one. */
        Py_INCREF(*result);
        return PYGEN_RETURN;
    }
    self->result = NULL;
    if (*result == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this was awaited already");
        return PYGEN_ERROR;
    }
    return PYGEN_RETURN;
}

static PyObject *
answer_next(PyObject *self)
{
    PyObject *result;
    PySendResult sent = answer_send(self, NULL, &result);
    if (sent != PYGEN_RETURN) {
        return result;
    }
    PyObject *end = PyObject_CallOneArg(PyExc_StopIteration, result);
    Py_DECREF(result);
    if (end != NULL) {
        PyErr_SetObject(PyExc_StopIteration, end);
        Py_DECREF(end);
    }
    return NULL;
}

/* A coroutine that is traced calls this, where any other takes `answer_send`. */
static PyObject *
answer_send_method(PyObject *self, PyObject *Py_UNUSED(sent))
{
    return answer_next(self);
}

static PyMethodDef answer_methods[] = {
    {"send", answer_send_method, METH_O, "Go on."},
    {NULL, NULL, 0, NULL},
};

static int
answer_traverse(Answer *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->result);
    Py_VISIT(self->deferred);
    Py_VISIT(self->general);
    return 0;
}

static int
answer_clear(Answer *self)
{
    Py_CLEAR(self->result);
    Py_CLEAR(self->deferred);
    Py_CLEAR(self->general);
    return 0;
}

static void
answer_dealloc(Answer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    answer_clear(self);
    State *state = PyType_GetModuleState(type);
    if (state != NULL && state->spare_answer == NULL && state->answer_type == type) {
        /* The next one takes this memory; a hundred times a read, it is the same. */
        state->spare_answer = PyObject_Init((PyObject *)self, type);
        Py_DECREF(type);
        return;
    }
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot answer_slots[] = {
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, answer_send},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, answer_next},
    {Py_tp_methods, answer_methods},
    {Py_tp_traverse, answer_traverse},
    {Py_tp_clear, answer_clear},
    {Py_tp_dealloc, answer_dealloc},
    {0, NULL},
};

static PyType_Spec answer_spec = {
    .name = "txws2._speedups.Answer",
    .basicsize = sizeof(Answer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = answer_slots,
};

int
add_answer(PyObject *module, State *state)
{
    state->answer_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &answer_spec, NULL);
    return state->answer_type == NULL ? -1 : 0;
}
