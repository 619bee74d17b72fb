/* Reading on from a socket while nothing else is to be done: read_on, whose twin is in
 * lone_reader.py. There, the loop takes 3 us more for each read. */

#include "accelerator.h"
#include <time.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

/* NEAR in lone_reader.py, in milliseconds. */
enum { NEAR = 10 };

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

/* The reactor's first timer, and its time, both NULL if it has no timer. */
typedef struct {
    PyObject *call;
    PyObject *time;
} Timer;

static void
drop_timer(Timer *timer)
{
    Py_CLEAR(timer->call);
    Py_CLEAR(timer->time);
}

/* Find the reactor's first timer; -1 with an exception. */
static int
get_timer(State *state, PyObject *reactor, Timer *timer)
{
    timer->call = timer->time = NULL;
    PyObject *pending = PyObject_GetAttr(reactor, state->names[PENDING_TIMED_CALLS]);
    if (pending == NULL) {
        return -1;
    }
    if (PyList_Check(pending) && PyList_GET_SIZE(pending) > 0) {
        timer->call = Py_NewRef(PyList_GET_ITEM(pending, 0));
        timer->time = PyObject_GetAttr(timer->call, state->names[TIME]);
    }
    Py_DECREF(pending);
    if (timer->call != NULL && timer->time == NULL) {
        drop_timer(timer);
        return -1;
    }
    return 0;
}

/* Tell whether the reactor has new timers, or has been told to stop, -1 with an exception. */
static int
has_news(State *state, PyObject *reactor)
{
    int news = truth(PyObject_GetAttr(reactor, state->names[NEW_TIMED_CALLS]));
    if (news == 0) {
        news = truth(PyObject_GetAttr(reactor, state->names[JUST_STOPPED]));
    }
    if (news == 0) {
        int running = truth(PyObject_GetAttr(reactor, state->names[RUNNING]));
        news = running < 0 ? -1 : !running;
    }
    return news;
}

/* Tell whether the reactor has only to wait, and its first timer is still this one, -1 with an
 * exception. */
static int
is_idle(State *state, PyObject *reactor, const Timer *before)
{
    int news = has_news(state, reactor);
    if (news != 0) {
        return news < 0 ? -1 : 0;
    }
    Timer timer;
    if (get_timer(state, reactor, &timer) < 0) {
        return -1;
    }
    int same = timer.call == before->call && timer.time == before->time;
    drop_timer(&timer);
    return same;
}

/* Tell whether the transport still reads, as far as its reader's list says. */
static bool
is_reading(PyObject *readers, int descriptor, PyObject *transport)
{
    return descriptor >= 0 && descriptor < PyList_GET_SIZE(readers)
           && PyList_GET_ITEM(readers, descriptor) == transport;
}

/* Wait for a moment; return the descriptor that has something to read, -1 if it isn't the only one
 * to which something has happened. */
static int
wait_for_one(int poller)
{
#ifdef __linux__
    struct epoll_event events[2];
    int ready;
    Py_BEGIN_ALLOW_THREADS
    ready = epoll_wait(poller, events, 2, NEAR);
    Py_END_ALLOW_THREADS
    return ready == 1 && events[0].events == EPOLLIN ? events[0].data.fd : -1;
#else
    (void)poller;
    return -1;
#endif
}

/* Tell whether this descriptor is one of those that the readers read from. */
static bool
is_known(PyObject *readers, int descriptor)
{
    return descriptor >= 0 && descriptor < PyList_GET_SIZE(readers)
           && PyList_GET_ITEM(readers, descriptor) != Py_None;
}

static PyObject *
stay(State *state, PyObject *transport, int descriptor, PyObject *readers, PyObject *reactor,
     int poller)
{
    double end = now() + NEAR;
    Timer timer;
    if (get_timer(state, reactor, &timer) < 0) {
        return NULL;
    }
    PyObject *why;
    for (;;) {
        why = read_once(state, transport, descriptor);
        if (why != Py_None) {
            break;
        }
        int idle = is_idle(state, reactor, &timer);
        if (idle < 0) {
            Py_CLEAR(why);
        }
        if (idle <= 0 || now() > end || !is_reading(readers, descriptor, transport)) {
            break;
        }
        int ready = wait_for_one(poller);
        if (ready != descriptor) {
            if (is_known(readers, ready)) {
                Py_SETREF(why, PyLong_FromLong(ready));
            }
            break;
        }
        if (!is_reading(readers, descriptor, transport)) {
            break;
        }
        Py_DECREF(why);
    }
    drop_timer(&timer);
    return why;
}

PyDoc_STRVAR(read_on_doc,
"read_on($module, transport, descriptor, readers, reactor, poller, /)\n--\n\n"
"Have a transport read, again and again while nothing else is to be done.");

static PyObject *
read_on(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (check_count("read_on", count, 5, 5) < 0) {
        return NULL;
    }
    int descriptor = (int)PyLong_AsLong(args[1]);
    if (descriptor == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (!PyList_Check(args[2])) {
        PyErr_Format(PyExc_TypeError, "expected a list, not %s", Py_TYPE(args[2])->tp_name);
        return NULL;
    }
    State *state = PyModule_GetState(module);
    PyObject *number = PyObject_CallMethodNoArgs(args[4], state->names[FILENO]);
    int poller = number == NULL ? -1 : (int)PyLong_AsLong(number);
    Py_XDECREF(number);
    if (poller == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return stay(state, args[0], descriptor, args[2], args[3], poller);
}

static PyMethodDef functions[] = {
    {"read_on", (PyCFunction)(void (*)(void))read_on, METH_FASTCALL, read_on_doc},
    {NULL, NULL, 0, NULL},
};

int
add_staying(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
