/* The state of the module, for a method that a subclass in Python may call; and the objects of
 * Python modules that are imported when they are first needed. */

#include "accelerator.h"

/* All interpreters share the one definition. */
static PyModuleDef *definition;

void
keep_definition(PyModuleDef *of_module)
{
    definition = of_module;
}

/* Return the state of the module that defines a base of this type; NULL with an exception. */
State *
state_for(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, definition);
    return module == NULL ? NULL : PyModule_GetState(module);
}

/* Find the classes of Deferreds that may be made without calling them; None if there are none. */
int
find_prompts(State *state)
{
    if (state->received != NULL) {
        return 0;
    }
    PyObject *lean = PyImport_ImportModule("txws2._deferreds.lean");
    PyObject *names = lean == NULL ? NULL : PyImport_ImportModule("txws2._private_names");
    PyObject *found[4] = {NULL};
    if (names != NULL && (found[0] = PyObject_GetAttrString(lean, "RECEIVED")) != NULL
        && (found[1] = PyObject_GetAttrString(lean, "STEP")) != NULL
        && (found[2] = PyObject_GetAttrString(lean, "DONE")) != NULL
        && (found[3] = PyObject_GetAttrString(names, "current_loop")) != NULL) {
        Py_XSETREF(state->received, Py_NewRef(found[0]));
        Py_XSETREF(state->step, Py_NewRef(found[1]));
        Py_XSETREF(state->done, Py_NewRef(found[2]));
        Py_XSETREF(state->current_loop, Py_NewRef(found[3]));
    }
    for (int i = 0; i < 4; i++) {
        Py_XDECREF(found[i]);
    }
    Py_XDECREF(lean);
    Py_XDECREF(names);
    return state->received == NULL ? -1 : 0;
}
