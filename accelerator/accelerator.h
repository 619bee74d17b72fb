/* The functions that the files of the accelerator share. module.c describes the accelerator, and the
 * rule that keeps its memory safe. */

#ifndef TXWS2_ACCELERATOR_H
#define TXWS2_ACCELERATOR_H

#include "types.h"

/* Tell whether a shared epoll reads for the transport. This is called for each message. */
static inline bool
cork_is_read(const Cork *self)
{
    return self->readers != NULL && PyList_Check(self->readers) && self->descriptor >= 0
           && self->descriptor < PyList_GET_SIZE(self->readers)
           && PyList_GET_ITEM(self->readers, self->descriptor) == self->transport;
}

/* Tell whether an attribute has a value other than None. An attribute that Python code has deleted
 * is NULL. */
static inline bool
is_set(PyObject *object)
{
    return object != NULL && object != Py_None;
}

/* Return the number of keyword arguments. */
static inline Py_ssize_t
count_of(PyObject *names)
{
    return names == NULL ? 0 : PyTuple_GET_SIZE(names);
}

/* Return a number that tells this thread from others. A pthread_t is an address. Stacks are larger
 * than the 4 KiB whose bits are left out here, so 32 bits are enough. */
static inline uint32_t
this_thread(void)
{
    return (uint32_t)((uintptr_t)pthread_self() >> 12) | 1;
}

/* Tell whether an exchange is used in another thread than its own. */
static inline bool
is_elsewhere(const Exchange *self)
{
    return self->thread != 0 && self->thread != this_thread();
}

/* Tell whether a whole message may be sent now, on the fast path. */
static inline bool
may_send(const Exchange *self)
{
    return self->connection != NULL && self->connection->ordinary_out && self->outbox != NULL
           && !is_set(self->turns) && !is_elsewhere(self);
}

/* Other libraries in the process may have functions of these names. */
#pragma GCC visibility push(hidden)

/* In arguments.c. */
int check_count(const char *function, Py_ssize_t given, Py_ssize_t least, Py_ssize_t most);
int get_bytes(PyObject *object, Bytes *bytes);
PyObject *bytes_from(const Bytes *bytes, Py_ssize_t place);
int get_place(PyObject *object, Py_ssize_t size, Py_ssize_t *place);
int call(State *state, PyObject *object, int name, PyObject *argument);
int truth(PyObject *object);

/* In heads.c. */
int add_heads(PyObject *module);

/* In keys.c. */
int add_keys(PyObject *module);

/* In state.c. */
void keep_definition(PyModuleDef *of_module);
State *state_for(PyTypeObject *type);
int find_prompts(State *state);

/* In masking.c. */
const unsigned char *get_mask(PyObject *object);
bool mask_bytes(unsigned char *restrict to, const unsigned char *restrict from, Py_ssize_t size,
                const unsigned char *mask, unsigned int offset);
int add_masking(PyObject *module);

/* In frames.c. */
Py_ssize_t frame_size(Py_ssize_t payload, bool masked);
int get_key(State *state, bool masked, Key *key);
unsigned char *write_header(unsigned char *to, int first, const Bytes *payload, const Key *key);
void write_frame(unsigned char *to, int first, const Bytes *payload, const Key *key);
PyObject *make_frame(State *state, int first, const Bytes *payload, bool masked);
int read_header(const unsigned char *data, Py_ssize_t available, bool masked, Header *header);
int add_frames(PyObject *module);

/* In counting.c. */
void count_message_in(Tally *self, bool text, Py_ssize_t size);
void count_message_out(Tally *self, const Outgoing *outgoing, Py_ssize_t size);

/* In ordinary.c. */
int get_outgoing(State *state, PyObject *message, Tally *tally, Outgoing *outgoing);
PyObject *make_message(State *state, PyObject *message, bool masked, Tally *tally);
int add_ordinary(PyObject *module);

/* In payload.c. */
PyObject *read_binary(const unsigned char *data, Py_ssize_t size, const Key *key,
                      unsigned int offset);
PyObject *read_text(const unsigned char *data, Py_ssize_t size, const Key *key);
bool is_not_utf8(void);
PyObject *decode_text(const unsigned char *data, Py_ssize_t size);
unsigned char *payload_of(const Unfinished *self);
int make_room(State *state, Unfinished *self, Py_ssize_t size);
PyObject *release_payload(State *state, Unfinished *self);

/* In inflation.c. */
Found inflate_whole(State *state, PyObject *inflater, const Bytes *payload, const Key *key,
                    bool text, long long most, Inflated *inflated);
int add_inflation(PyObject *module, State *state);

/* In zlib_calls.c. */
void find_zlib(ZLib *zlib);
Py_ssize_t inflate_at_once(const ZLib *zlib, int window_bits, const unsigned char *data,
                           Py_ssize_t size, unsigned char *to, Py_ssize_t room);

/* In utf8.c. */
bool check_utf8(Utf8 *self, const unsigned char *data, Py_ssize_t size);

/* In unfinished.c. */
Py_ssize_t waiting(const Unfinished *self);
void free_unfinished(Unfinished *self);
void begin_next(Unfinished *self, const Header *header);
void note_read(Unfinished *self, Py_ssize_t size);
int add_to(State *state, Unfinished *self, const unsigned char *data, Py_ssize_t size,
           const Key *key);
PyObject *finish_message(State *state, Unfinished *self);
PyObject *take_part(State *state, Unfinished *self);

/* In limits.c. */
int read_limits(const Decoder *self, Limits *limits);
int check_limits(const Decoder *self, const Limits *limits, const Header *header);

/* In decoder.c. */
int hold(Decoder *self, const unsigned char *data, Py_ssize_t size);
Found find_next(State *state, Decoder *self, const Limits *limits, Bytes *rest,
                PyObject **message);
int take_control(Decoder *self, Bytes *rest, unsigned char *payload, Py_ssize_t *size);

/* In decoder_type.c. */
int add_decoder(PyObject *module, State *state);

/* In tally.c. */
int count_frame(Tally *self, int direction, long opcode);
Tally *tally_of(State *state, PyObject *object);
int add_tally(PyObject *module, State *state);

/* In cork.c. */
int cork_is_ready(Cork *self);
int cork_write(State *state, Cork *self, PyObject *frame);
int cork_message(State *state, Cork *self, PyObject *message, Tally *tally);
int cork_add(Cork *self, const Bytes *frame);
Py_ssize_t cork_control(State *state, Cork *self, int first, const Bytes *payload, bool masked);
PyObject *cork_take(Cork *self);
int cork_flush(State *state, Cork *self);

/* In cork_type.c. */
int add_cork(PyObject *module, State *state);

/* In reporting.c. */
int exchange_report(State *state, Exchange *self, int name);

/* In receiving.c. */
int wake(State *state, Exchange *self);
Py_ssize_t give_messages(State *state, Exchange *self, Cork *cork, PyObject *events,
                         Py_ssize_t position);
bool is_fast(const Decoder *decoder);
int receive(State *state, Exchange *self, Cork *outbox, Decoder *decoder, const Bytes *read);

/* In exchange.c. */
int exchange_receive(State *state, Exchange *self, PyObject *data);
bool exchange_begins(const Exchange *self);
int exchange_take(State *state, Exchange *self, const Bytes *read);
int add_exchange(PyObject *module, State *state);

/* In handle.c. */
int is_ours(State *state, PyObject *protocol);
Exchange *driver_of(State *state, PyObject *object);
int add_handle(PyObject *module, State *state);

/* In inbox.c. */
int queue_append(Queue *self, PyObject *item);
int queue_prepend(Queue *self, PyObject *item);
PyObject *queue_pop(Queue *self);
bool queue_has_room(const Queue *self);
Queue *queue_of(PyObject *object);
int queue_put(State *state, Queue *self, PyObject *message);
int queue_wake(State *state, Queue *self);
bool queue_is_unread(const Queue *self);
PyObject *queue_take(State *state, Queue *self);
PyObject *queue_wait(Queue *self, PyObject *type);
PyObject *queue_next(PyObject *object);

/* In inbox_type.c. */
int add_inbox(PyObject *module);

/* In answer.c. */
bool is_answer(PyObject *result);
PyObject *new_answer(State *state, PyObject *result);
PyObject *answer_for(State *state, Prompt *deferred);
int add_answer(PyObject *module, State *state);

/* In prompt.c. */
PyObject *new_prompt(PyObject *type, PyObject *source, PyObject *result);
PyObject *new_done(State *state);
int add_prompt(PyObject *module);

/* In pulling.c. */
PyObject *receive_message(State *state, Exchange *driver, PyObject *const *args, Py_ssize_t count,
                          PyObject *names);
PyObject *send_and_wait(State *state, Exchange *driver, PyObject *const *args, Py_ssize_t count,
                        PyObject *names);

/* In sending.c. */
int send_fast(State *state, Exchange *self, PyObject *message);
int send_message(State *state, Exchange *self, PyObject *const *args, Py_ssize_t count,
                 PyObject *names);

/* In broadcasting.c. */
int add_broadcasting(PyObject *module);

/* In writethrough.c. */
int descriptor_of(State *state, Cork *self);
int has_hung_up(State *state, Cork *self);
bool may_spend(State *state, Cork *self);
Py_ssize_t write_through(Cork *self, int descriptor, const void *data, Py_ssize_t size);
Py_ssize_t write_both_through(Cork *self, int descriptor, const Bytes *first,
                              const Bytes *second);

/* In tls_outward.c. */
int records_answer(State *state, Records *self);
int records_write(State *state, Records *self, const Bytes *data);

/* In tls_inward.c. */
int records_take(State *state, Records *self, Bytes records, bool shared);

/* In tls_records.c. */
int add_records(PyObject *module, State *state);

/* In readthrough.c. */
PyObject *read_once(State *state, PyObject *transport, int descriptor);
int add_readthrough(PyObject *module);

/* In staying.c. */
int add_staying(PyObject *module);

#pragma GCC visibility pop

#endif
