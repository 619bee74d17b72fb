/* Inflating with the zlib that Python's own module uses, without an object of Python's for each
 * message. An object takes a third of the time of a message of 100 bytes. */

#include "accelerator.h"
#include <dlfcn.h>

/* z_stream of zlib.h, and values from there. inflateInit2_ compares the size of the struct and the
 * first digit of the version with its own, and fails if they differ. */
typedef struct {
    const unsigned char *next_in;
    unsigned int avail_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned int avail_out;
    unsigned long total_out;
    const char *msg;
    void *state;
    void *(*zalloc)(void *opaque, unsigned int items, unsigned int size);
    void (*zfree)(void *opaque, void *address);
    void *opaque;
    int data_type;
    unsigned long adler;
    unsigned long reserved;
} Stream;

#define VERSION "1"

enum { Z_OK = 0, Z_SYNC_FLUSH = 2 };

/* Return the library that has the functions that Python's module calls; NULL if it isn't found. */
static void *
open_library(void)
{
    PyObject *module = PyImport_ImportModule("zlib");
    PyObject *file = module == NULL ? NULL : PyObject_GetAttrString(module, "__file__");
    Py_XDECREF(module);
    PyObject *path = NULL;
    void *library = NULL;
    if (file == NULL) {
        /* Either there is no such module, or it is a part of the interpreter. */
        library = module == NULL ? NULL : dlopen(NULL, RTLD_LAZY);
    }
    else if (PyUnicode_FSConverter(file, &path)) {
        library = dlopen(PyBytes_AS_STRING(path), RTLD_LAZY | RTLD_NOLOAD);
        Py_DECREF(path);
    }
    Py_XDECREF(file);
    PyErr_Clear();
    return library;
}

/* Tell whether two functions are of the same library. Another one may have a function of that name,
 * too. */
static bool
are_together(void *one, void *other)
{
    Dl_info of_one, of_other;
    return one != NULL && other != NULL && dladdr(one, &of_one) != 0
           && dladdr(other, &of_other) != 0 && of_one.dli_fbase == of_other.dli_fbase;
}

/* Find the functions of zlib; they are NULL if they aren't found. */
void
find_zlib(ZLib *zlib)
{
    void *library = open_library();
    if (library == NULL) {
        return;
    }
    void *init = dlsym(library, "inflateInit2_");
    void *inflate = dlsym(library, "inflate");
    void *end = dlsym(library, "inflateEnd");
    if (are_together(init, inflate) && are_together(init, end)) {
        /* POSIX has dlsym return functions as pointers to objects. */
        memcpy(&zlib->init, &init, sizeof init);
        memcpy(&zlib->inflate, &inflate, sizeof inflate);
        memcpy(&zlib->end, &end, sizeof end);
    }
    /* Python's module stays, and keeps the library. */
    dlclose(library);
}

/* Inflate data to its end; return the number of bytes that it made. Return -1 if there is no zlib,
 * and if there is an error, a final block, or no room for more bytes: these need another way. */
Py_ssize_t
inflate_at_once(const ZLib *zlib, int window_bits, const unsigned char *data, Py_ssize_t size,
                unsigned char *to, Py_ssize_t room)
{
    Stream stream = {
        .next_in = data,
        .avail_in = (unsigned int)size,
        .next_out = to,
        .avail_out = (unsigned int)room,
    };
    /* Negative window bits mean raw DEFLATE. */
    if (zlib->init == NULL
        || zlib->init(&stream, -window_bits, VERSION, (int)sizeof stream) != Z_OK) {
        return -1;
    }
    int result = zlib->inflate(&stream, Z_SYNC_FLUSH);
    zlib->end(&stream);
    return result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0
               ? room - (Py_ssize_t)stream.avail_out
               : -1;
}
