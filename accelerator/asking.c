/* The ordinary request, in one go; its twin is in asking.py (RFC 9112). */

#include "accelerator.h"

/* RFC 9110 section 5.6.2. */
static bool
is_token(unsigned char c)
{
    unsigned char letter = c | 0x20;
    return ('a' <= letter && letter <= 'z') || ('0' <= c && c <= '9')
           || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* RFC 9110 section 5.5. */
static bool
is_value(unsigned char c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static bool
is_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}

typedef struct {
    const unsigned char *at;
    const unsigned char *end;
} Rest;

static bool
skip(Rest *rest, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(rest->end - rest->at) < size || memcmp(rest->at, text, size) != 0) {
        return false;
    }
    rest->at += size;
    return true;
}

static PyObject *
lowered(const unsigned char *from, Py_ssize_t size)
{
    PyObject *name = PyUnicode_New(size, 0x7f);
    if (name != NULL) {
        Py_UCS1 *to = PyUnicode_1BYTE_DATA(name);
        for (Py_ssize_t i = 0; i < size; i++) {
            to[i] = Py_TOLOWER(from[i]);
        }
    }
    return name;
}

static int
put(PyObject *fields, const unsigned char *name, Py_ssize_t size, Rest value)
{
    while (value.at < value.end && is_space(*value.at)) {
        value.at++;
    }
    while (value.at < value.end && is_space(value.end[-1])) {
        value.end--;
    }
    PyObject *key = lowered(name, size);
    PyObject *text = key == NULL ? NULL : PyUnicode_DecodeUTF8(
        (const char *)value.at, value.end - value.at, "replace");
    int result = text == NULL ? -1 : PyDict_SetItem(fields, key, text);
    Py_XDECREF(key);
    Py_XDECREF(text);
    return result;
}

/* Read a header line, without its end; return 0 if it is none, -1 with an exception. */
static int
read_line(Rest *rest, PyObject *fields)
{
    const unsigned char *name = rest->at;
    while (rest->at < rest->end && is_token(*rest->at)) {
        rest->at++;
    }
    Py_ssize_t size = rest->at - name;
    if (size == 0 || !skip(rest, ":")) {
        return 0;
    }
    Rest value = {.at = rest->at};
    while (rest->at < rest->end && is_value(*rest->at)) {
        rest->at++;
    }
    value.end = rest->at;
    return put(fields, name, size, value) < 0 ? -1 : 1;
}

/* Read header lines and the empty one; return 0 if there are others or too many, -1 with an
 * exception. */
static int
read_lines(Rest *rest, Py_ssize_t most, PyObject *fields)
{
    for (Py_ssize_t count = 0; skip(rest, "\r\n"); count++) {
        if (skip(rest, "\r\n")) {
            return count == PyDict_GET_SIZE(fields);
        }
        int is_header = count == most ? 0 : read_line(rest, fields);
        if (is_header <= 0) {
            return is_header;
        }
    }
    return 0;
}

PyDoc_STRVAR(read_request_doc,
"read_request($module, data, size, count, /)\n--\n\n"
"Read the head of an ordinary request.");

static PyObject *
read_request(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (check_count("read_request", count, 3, 3) < 0) {
        return NULL;
    }
    Py_ssize_t size = PyLong_AsSsize_t(args[1]);
    Py_ssize_t most = size == -1 && PyErr_Occurred() ? -1 : PyLong_AsSsize_t(args[2]);
    Bytes data;
    if ((most == -1 && PyErr_Occurred()) || get_bytes(args[0], &data) < 0) {
        return NULL;
    }
    PyObject *result = NULL, *fields = PyDict_New();
    Rest rest = {.at = data.data, .end = data.data + Py_MAX(0, Py_MIN(size, data.size))};
    if (fields != NULL && skip(&rest, "GET ")) {
        const unsigned char *path = rest.at;
        /* RFC 9112 section 3.2: no form of a target has a fragment. */
        while (rest.at < rest.end && '!' <= *rest.at && *rest.at <= '~' && *rest.at != '#') {
            rest.at++;
        }
        Py_ssize_t length = rest.at - path;
        if (length > 0 && *path == '/' && skip(&rest, " HTTP/1.1")
            && read_lines(&rest, most, fields) > 0) {
            result = Py_BuildValue("s#On", path, length, fields, rest.at - data.data - 4);
        }
    }
    Py_XDECREF(fields);
    Py_DECREF(data.owner);
    return result != NULL || PyErr_Occurred() ? result : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"read_request", (PyCFunction)(void (*)(void))read_request, METH_FASTCALL, read_request_doc},
    {NULL, NULL, 0, NULL},
};

int
add_asking(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
