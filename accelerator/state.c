/* The state of the module, for a method that a subclass in Python may call. */

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
