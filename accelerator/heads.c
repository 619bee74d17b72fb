/* The end of a head, and the head of a request in its parts (RFC 9112); their twins are in
 * wire/http/readers.py, wire/http/request_heads.py and wire/http/fields.py.
 *
 * `make twins TWIN=read_request` shows the time it saves: 9 % of a handshake, 10 % of a browser's.
 */

#include "accelerator.h"

/* Tell whether a character may be in a token (RFC 9110 section 5.6.2). */
static bool
is_token(unsigned char c)
{
    unsigned char letter = c | 0x20;
    return ('a' <= letter && letter <= 'z') || ('0' <= c && c <= '9')
           || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Tell whether a byte may be in a field value (RFC 9110 section 5.5). */
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

/* Return the values of a header that occurs again: the values so far, a str or a tuple, and another
 * one. */
static PyObject *
joined(PyObject *values, PyObject *value)
{
    PyObject *before = PyTuple_Check(values) ? Py_NewRef(values) : PyTuple_Pack(1, values);
    PyObject *last = before == NULL ? NULL : PyTuple_Pack(1, value);
    PyObject *all = last == NULL ? NULL : PySequence_Concat(before, last);
    Py_XDECREF(before);
    Py_XDECREF(last);
    return all;
}

static int
put(PyObject *fields, PyObject *name, PyObject *value)
{
    Py_ssize_t count = PyDict_GET_SIZE(fields);
    PyObject *values = PyDict_SetDefault(fields, name, value);
    if (values == NULL || PyDict_GET_SIZE(fields) > count) {
        return values == NULL ? -1 : 0;
    }
    Py_INCREF(values);
    PyObject *all = joined(values, value);
    Py_DECREF(values);
    int result = all == NULL ? -1 : PyDict_SetItem(fields, name, all);
    Py_XDECREF(all);
    return result;
}

static PyObject *
decoded(Rest value)
{
    while (value.at < value.end && is_space(*value.at)) {
        value.at++;
    }
    while (value.at < value.end && is_space(value.end[-1])) {
        value.end--;
    }
    return PyUnicode_DecodeUTF8((const char *)value.at, value.end - value.at, "replace");
}

/* Read a header line, without its end; return 0 if the line isn't a header, -1 with an exception. */
static int
read_line(Rest *rest, PyObject *fields)
{
    const unsigned char *start = rest->at;
    while (rest->at < rest->end && is_token(*rest->at)) {
        rest->at++;
    }
    Py_ssize_t size = rest->at - start;
    if (size == 0 || !skip(rest, ":")) {
        return 0;
    }
    Rest line = {.at = rest->at};
    while (rest->at < rest->end && is_value(*rest->at)) {
        rest->at++;
    }
    line.end = rest->at;
    PyObject *name = lowered(start, size);
    PyObject *value = name == NULL ? NULL : decoded(line);
    int result = value == NULL ? -1 : put(fields, name, value);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return result < 0 ? -1 : 1;
}

/* Read the rest as header lines, each after the end of the line before; return 0 if the rest is
 * anything else, -1 with an exception. */
static int
read_lines(Rest *rest, PyObject *fields)
{
    while (rest->at < rest->end) {
        int is_header = skip(rest, "\r\n") ? read_line(rest, fields) : 0;
        if (is_header <= 0) {
            return is_header;
        }
    }
    return 1;
}

/* Read a request line without its end; return false if it is malformed. */
static bool
read_request_line(Rest *rest, Rest *method, Rest *target, Rest *protocol)
{
    method->at = rest->at;
    while (rest->at < rest->end && is_token(*rest->at)) {
        rest->at++;
    }
    method->end = rest->at;
    if (method->end == method->at || !skip(rest, " ")) {
        return false;
    }
    target->at = rest->at;
    while (rest->at < rest->end && '!' <= *rest->at && *rest->at <= '~') {
        rest->at++;
    }
    target->end = rest->at;
    if (target->end == target->at || !skip(rest, " ")) {
        return false;
    }
    protocol->at = rest->at;
    if (!skip(rest, "HTTP/") || rest->end - rest->at < 3 || !Py_ISDIGIT(rest->at[0])
        || rest->at[1] != '.' || !Py_ISDIGIT(rest->at[2])) {
        return false;
    }
    protocol->end = rest->at += 3;
    return true;
}

/* Return where the last line of a head ends; -1 if the head isn't all there, a line doesn't end in
 * CRLF, there are more header lines than `most`, or the first line is empty. */
static Py_ssize_t
find_end(const unsigned char *data, Py_ssize_t size, Py_ssize_t most)
{
    const unsigned char *line = data, *newline;
    for (Py_ssize_t count = 0; (newline = memchr(line, '\n', data + size - line)) != NULL; count++) {
        if (newline == line || newline[-1] != '\r') {
            return -1;
        }
        if (newline == line + 1) {
            return count == 0 ? -1 : newline - data - 3;
        }
        if (count > most) {
            return -1;
        }
        line = newline + 1;
    }
    return -1;
}

/* Find the end of a head at the beginning of an object's bytes, which `data` gets; set `end` to -1 if
 * there is none. Return -1 with an exception. */
static int
get_end(PyObject *const *args, Bytes *data, Py_ssize_t *end)
{
    /* As where a slice ends, a limit may be larger than anything. */
    Py_ssize_t size = PyNumber_AsSsize_t(args[1], NULL);
    Py_ssize_t most = size == -1 && PyErr_Occurred() ? -1 : PyNumber_AsSsize_t(args[2], NULL);
    if ((most == -1 && PyErr_Occurred()) || get_bytes(args[0], data) < 0) {
        return -1;
    }
    *end = find_end(data->data, Py_MAX(0, Py_MIN(size, data->size)), most);
    return 0;
}

PyDoc_STRVAR(end_of_head_doc,
"end_of_head($module, data, size, count, /)\n--\n\n"
"Find the end of a head that is all there, and in which each line ends in CRLF.");

static PyObject *
end_of_head(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (check_count("end_of_head", count, 3, 3) < 0) {
        return NULL;
    }
    Bytes data;
    Py_ssize_t end;
    if (get_end(args, &data, &end) < 0) {
        return NULL;
    }
    Py_DECREF(data.owner);
    return PyLong_FromSsize_t(end);
}

PyDoc_STRVAR(split_request_doc,
"split_request($module, head, /)\n--\n\n"
"Split the head of a request.");

static PyObject *
split_request(PyObject *Py_UNUSED(module), PyObject *head)
{
    Bytes data;
    if (get_bytes(head, &data) < 0) {
        return NULL;
    }
    PyObject *result = NULL, *fields = PyDict_New();
    Rest rest = {.at = data.data, .end = data.data + data.size}, method, target, protocol;
    if (fields != NULL && read_request_line(&rest, &method, &target, &protocol)
        && read_lines(&rest, fields) > 0) {
        result = Py_BuildValue("s#s#s#O", method.at, method.end - method.at, target.at,
                               target.end - target.at, protocol.at, protocol.end - protocol.at,
                               fields);
    }
    Py_XDECREF(fields);
    Py_DECREF(data.owner);
    return result != NULL || PyErr_Occurred() ? result : Py_NewRef(Py_None);
}

/* Tell whether a request is of the kind that nearly all are: in HTTP/1.1, with a path. */
static bool
is_usual(const Rest *target, const Rest *protocol)
{
    return *target->at == '/' && memchr(target->at, '#', target->end - target->at) == NULL
           && memcmp(protocol->at, "HTTP/1.1", protocol->end - protocol->at) == 0;
}

/* Return what `read_request` returns for a head that ends at `end`; NULL if it isn't usual, or with
 * an exception. */
static PyObject *
read_usual(const Bytes *data, Py_ssize_t end)
{
    PyObject *result = NULL, *fields = PyDict_New();
    Rest rest = {.at = data->data, .end = data->data + end}, method, target, protocol;
    if (fields != NULL && read_request_line(&rest, &method, &target, &protocol)
        && is_usual(&target, &protocol) && read_lines(&rest, fields) > 0) {
        const unsigned char *after = data->data + end + 4;
        result = Py_BuildValue("y#y#s#s#O", data->data, end, after,
                               data->size - end - 4, method.at, method.end - method.at,
                               target.at, target.end - target.at, fields);
    }
    Py_XDECREF(fields);
    return result;
}

PyDoc_STRVAR(read_request_doc,
"read_request($module, data, size, count, /)\n--\n\n"
"Read a request of the usual kind, whose head is all there.");

static PyObject *
read_request(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    Bytes data;
    Py_ssize_t end;
    if (check_count("read_request", count, 3, 3) < 0 || get_end(args, &data, &end) < 0) {
        return NULL;
    }
    PyObject *result = end < 0 ? NULL : read_usual(&data, end);
    Py_DECREF(data.owner);
    return result != NULL || PyErr_Occurred() ? result : Py_NewRef(Py_None);
}

PyDoc_STRVAR(look_up_doc,
"look_up($module, values, names, /)\n--\n\n"
"Return the values that a dict has for these names; None for a name that it hasn't.");

static PyObject *
look_up(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (check_count("look_up", count, 2, 2) < 0) {
        return NULL;
    }
    PyObject *values = args[0], *names = args[1];
    if (!PyDict_Check(values) || !PyTuple_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "expected a dict and a tuple");
        return NULL;
    }
    PyObject *found = PyTuple_New(PyTuple_GET_SIZE(names));
    for (Py_ssize_t i = 0; found != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value = PyDict_GetItemWithError(values, PyTuple_GET_ITEM(names, i));
        if (value == NULL && PyErr_Occurred()) {
            Py_CLEAR(found);
            break;
        }
        PyTuple_SET_ITEM(found, i, Py_NewRef(value == NULL ? Py_None : value));
    }
    return found;
}

static PyMethodDef functions[] = {
    {"end_of_head", (PyCFunction)(void (*)(void))end_of_head, METH_FASTCALL, end_of_head_doc},
    {"look_up", (PyCFunction)(void (*)(void))look_up, METH_FASTCALL, look_up_doc},
    {"read_request", (PyCFunction)(void (*)(void))read_request, METH_FASTCALL, read_request_doc},
    {"split_request", split_request, METH_O, split_request_doc},
    {NULL, NULL, 0, NULL},
};

int
add_heads(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
