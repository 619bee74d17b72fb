/* What the files of the accelerator have in common; module.c says what it is. */

#ifndef TXWS2_ACCELERATOR_H
#define TXWS2_ACCELERATOR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FIN = 0x80, RSV1 = 0x40, TEXT = 0x1, BINARY = 0x2, MASKED = 0x80 };

enum { MASK_SIZE = 4 };

/* Names that are looked up for each message, or for each read. */
enum {
    CORK, FLUSH, MESSAGE_FAILED, MESSAGE_RECEIVED, RECEIVE, RECEIVE_OPENING, SEND_OTHERWISE,
    UNCORK, WRITE, NAMES
};

/* Payloads that were given out, and are used again once nobody else has them. Memory that is new to
 * the process costs several times what unmasking into it does: each page is a fault. */
enum { SPARES = 4, LEAST_SPARE = 128 << 10, MOST_SPARE = 4 << 20 };

typedef struct {
    PyObject *new_mask;
    PyObject *spares[SPARES];
    unsigned int next_spare;
    PyTypeObject *cork_type;
    PyTypeObject *tally_type;
    PyObject *names[NAMES];
} State;

typedef struct {
    const unsigned char *data;
    Py_ssize_t size;
    PyObject *owner;
} Bytes;

typedef struct {
    bool text;
    const unsigned char *mask;
    const unsigned char *payload;
    Py_ssize_t size;
} Frame;

enum { INWARD, OUTWARD, DIRECTIONS };

/* Kinds of frames that most connections have none of. */
enum { RARE = 4 };

typedef struct {
    PyObject_HEAD
    PyObject *max_size;
    unsigned long long bytes[DIRECTIONS];
    unsigned long long payload[DIRECTIONS];
    unsigned long long messages[DIRECTIONS][2];     /* By whether it is text. */
    unsigned long long (*rare)[RARE];               /* For each direction; NULL at first. */
    char client;
    char deaf;
    char ordinary_in;
    char ordinary_out;
} Tally;

/* BATCH_SIZE in cork.py. */
enum { BATCH_SIZE = 64 << 10 };

typedef struct {
    PyObject_HEAD
    PyObject *frames;       /* Bytes that nobody else has seen, or NULL if there are none. */
    Py_ssize_t size;
    char corked;
} Cork;

/* In arguments.c. */
int check_count(const char *function, Py_ssize_t given, Py_ssize_t least, Py_ssize_t most);
int get_bytes(PyObject *object, Bytes *bytes);
int get_place(PyObject *object, Py_ssize_t size, Py_ssize_t *place);

/* In masking.c. */
const unsigned char *get_mask(PyObject *object);
bool mask_bytes(unsigned char *restrict to, const unsigned char *restrict from, Py_ssize_t size,
                const unsigned char *mask, unsigned int offset);
int add_masking(PyObject *module);

/* In frames.c. */
Py_ssize_t frame_size(Py_ssize_t payload, bool masked);
int write_frame(State *state, unsigned char *to, int first, const Bytes *payload, bool masked);
PyObject *make_frame(State *state, int first, const Bytes *payload, bool masked);
bool read_frame(const unsigned char *data, Py_ssize_t available, bool masked, long long most,
                int rsv1, Frame *frame);
int add_frames(PyObject *module);

/* In ordinary.c. */
int get_most(PyObject *max_size, long long *most);
int get_message(PyObject *message, Bytes *payload, int *first);
PyObject *make_message(State *state, PyObject *message, bool masked, Tally *tally);
PyObject *read_message(const Frame *frame);
PyObject *read_messages(PyObject *data, PyObject *start, bool masked, PyObject *max_size,
                        PyObject *messages, Tally *tally);
int add_ordinary(PyObject *module);

/* In payload.c. */
int add_payload_buffer(PyObject *module);

/* In tally.c. */
void count_message_in(Tally *self, const Frame *frame);
void count_message_out(Tally *self, bool text, Py_ssize_t payload, Py_ssize_t size);
Tally *tally_of(State *state, PyObject *object);
int add_tally(PyObject *module, State *state);

/* In cork.c. */
int cork_message(State *state, Cork *self, PyObject *message, Tally *tally);
int add_cork(PyObject *module, State *state);

/* In exchange.c. */
int add_exchange(PyObject *module);

#endif
