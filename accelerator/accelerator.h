/* The declarations that the files of the accelerator share. module.c describes the accelerator, and
 * the rule that keeps its memory safe. */

#ifndef TXWS2_ACCELERATOR_H
#define TXWS2_ACCELERATOR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bits of the first byte of a frame, opcodes, and the bit of its second byte (RFC 6455 section
 * 5.2). */
enum { FIN = 0x80, RSV1 = 0x40, RESERVED = 0x70, OPCODE = 0x0F, MASKED = 0x80 };
enum { CONT = 0x0, TEXT = 0x1, BINARY = 0x2, CLOSE = 0x8, PING = 0x9, PONG = 0xA };

enum { MASK_SIZE = 4 };

/* The names of attributes that are looked up for each message, or for each read. */
enum {
    ABORTING, ADD_BOTH, BUFFER_SIZE, CALL_BACK, CONTROL_RECEIVED, CORK, DATA_BUFFER,
    DATA_RECEIVED, DEFLATE, DISCONNECTING, DO_READ, DRAINED, FILENO, GIVE, HOLD_READ,
    HOOK_RETURNED, INFLATE_PART, JUST_STOPPED, KEEP, LEFT_UNREAD, MESSAGE_FAILED,
    MESSAGE_RECEIVED, NEW_TIMED_CALLS, NEXT, OVER_LIMIT, PAUSE, PENDING_TIMED_CALLS,
    PING_RECEIVED, PROTOCOL, PUT_OFF, PUT_OTHERWISE, RAISED, READ_ENDED, READ_OTHERWISE,
    RECEIVE, RECEIVE_HELD, RECEIVE_OPENING, RECV_OTHERWISE, REFUSE, RESUME, RETURNED, RUNNING,
    SEND_AND_WAIT, SEND_OTHERWISE, TAKE_FIRST, TEMP_DATA_LEN, TIME, TLS, TRANSMIT,
    TRANSPORT_CLOSED, UNCORK, WAIT, WRAPPED_PROTOCOL, WRITE, NAMES
};

/* Spares are payloads that were given out, and are used again once nobody else refers to them. The
 * first use of new memory takes several times as long as unmasking into it: each page is a
 * fault. */
enum { SPARES = 4, LEAST_SPARE = 128 << 10, MOST_SPARE = 4 << 20 };

/* The functions of pyOpenSSL's own OpenSSL, in the order of _transport/openssl.py. */
typedef struct {
    int (*bio_read)(void *bio, void *to, int room);
    int (*bio_write)(void *bio, const void *data, int size);
    void (*clear_error)(void);
    int (*do_handshake)(void *ssl);
    int (*get_error)(const void *ssl, int result);
    int (*read)(void *ssl, void *to, int room);
    int (*write)(void *ssl, const void *data, int size);
} OpenSSL;

typedef struct {
    PyObject *new_mask;
    PyObject *spares[SPARES];
    unsigned int next_spare;
    PyTypeObject *cork_type;
    PyTypeObject *decoder_type;
    PyTypeObject *tally_type;
    PyTypeObject *exchange_type;
    PyTypeObject *handle_type;
    PyTypeObject *answer_type;
    PyObject *spare_answer;
    PyObject *received;             /* Classes and a function for pull style; NULL at first. */
    PyObject *done;
    PyObject *step;
    PyObject *current_loop;
    PyObject *names[NAMES];
    PyObject *do_read;              /* Twisted's, of a TCP transport; NULL at first. */
    unsigned char *read;            /* The buffer of read_through; NULL at first. */
    bool reading;                   /* True while the bytes in that buffer are in use. */
    unsigned int turn;              /* The number of the reactor's turns, as far as known. */
    PyTypeObject *records_type;
    OpenSSL openssl;
    unsigned char *plain;           /* The decrypted bytes of a read; NULL at first. */
    unsigned char *sealed;          /* The records of a write; NULL at first. */
    bool sealing;                   /* True while these records are in use. */
} State;

typedef struct {
    const unsigned char *data;
    Py_ssize_t size;
    PyObject *owner;
} Bytes;

/* More than a record of TLS takes (RFC 8446 section 5.2). */
enum { SEALED = (1 << 14) + 1024 };

typedef struct {
    PyObject_HEAD
    PyObject *tls;          /* Twisted's transport. */
    PyObject *below;        /* The transport that has the socket. */
    PyObject *socket;
    PyObject *owner;        /* Of the SSL, which has the two others; NULL once it is lost. */
    void *ssl;
    void *into;
    void *from;
    Py_ssize_t through;     /* Bytes for the socket since `below` last had something to write. */
    char open;
    char shakes;
    char fresh;
} Records;

/* The masking key of a frame, if it has one. */
typedef struct {
    bool masked;
    unsigned char mask[MASK_SIZE];
} Key;

/* A message that is to be sent: its payload, compressed or not, the first byte of its frame, and
 * its size before it was compressed. */
typedef struct {
    Bytes payload;
    int first;
    Py_ssize_t size;
} Outgoing;

/* The part of a frame before its payload. */
typedef struct {
    int first;
    long long length;
    int size;
    Key key;
} Header;

enum { INWARD, OUTWARD, DIRECTIONS };

/* The number of kinds of frames that most connections have none of. */
enum { RARE = 4 };

typedef struct {
    PyObject_HEAD
    unsigned long long bytes[DIRECTIONS];
    unsigned long long payload[DIRECTIONS];
    unsigned long long messages[DIRECTIONS][2];     /* By whether it is text. */
    unsigned long long (*rare)[RARE];               /* For each direction; NULL at first. */
    Py_ssize_t threshold;
    char client;
    char deflates;
    char ordinary_out;
    char deaf;              /* This and the next two are a Decoder's, whose own would need padding. */
    char inflates;
    char ordinary_in;
} Tally;

/* The state of a check for UTF-8 (RFC 3629 section 4): the number of bytes that the character has
 * had, the number that it lacks, and the least and the greatest value of the next one. */
typedef struct {
    unsigned char had;
    unsigned char lacks;
    unsigned char least;
    unsigned char most;
} Utf8;

/* The most bytes of a header, and of a whole control frame. */
enum { HEADER_SIZE = 14, HEAD_SIZE = HEADER_SIZE + 125 };

/* A connection keeps this of a frame whose header isn't complete, and of a message whose end hasn't
 * come. Most connections have none. */
typedef struct {
    PyObject *payload;          /* Bytes, or an ASCII str for text; NULL before the first byte. */
    Py_ssize_t arrived;         /* The number of bytes in it; it has room for more. */
    Py_ssize_t taken;           /* The number of these that count as taken. */
    long long decoded;          /* The number of bytes that have come, after inflating. */
    unsigned long long size;    /* The number of bytes that the frames have announced. */
    long long fragments;        /* The number of frames since a part was taken. */
    long long missing;          /* The number of bytes that the current frame lacks. */
    unsigned int offset;        /* The number that it has had, modulo 4. */
    Key key;
    Utf8 utf8;
    bool begun;                 /* True if there is a message; the rest describes it. */
    bool text;
    bool ascii;                 /* True if each byte in the payload is. */
    bool compressed;
    bool last;                  /* True if the current frame ends the message. */
    bool parted;                /* True if a part was taken. */
    unsigned char held;         /* The number of bytes of the header. */
    unsigned char head[HEAD_SIZE];
} Unfinished;

/* The limits of a decoder as numbers. */
typedef struct {
    long long size;
    long long fragments;
} Limits;

typedef struct {
    Tally tally;
    PyObject *max_size;
    PyObject *max_fragments;
    Unfinished *unfinished;     /* NULL if nothing is kept. */
} Decoder;

/* A decoder finds this next: nothing more, a message, a frame that isn't a right part of one, or an
 * exception, which is set. */
typedef enum { NOTHING, MESSAGE, OTHER, FAILED } Found;

/* BATCH_SIZE in _transport/cork.py, and the number of bytes from which on a payload goes to the
 * socket without a copy. */
enum { BATCH_SIZE = 64 << 10, LARGE = 32 << 10 };

typedef struct {
    PyObject_HEAD
    PyObject *frames;       /* Bytes that nobody else refers to, or NULL if there are none. */
    Py_ssize_t size;
    PyObject *transport;
    PyObject *socket;
    PyObject *readers;      /* By descriptor, the transports for which a shared epoll reads. */
    PyObject *waiting;
    Py_ssize_t through;
    unsigned int turn;
    int descriptor;
    char corked;
    char paused;
    char unhurried;
} Cork;

/* The driver of a connection. Its setters admit no other types than these. */
typedef struct {
    PyObject_HEAD
    PyObject *receiver;     /* Whoever gets the messages; NULL for nobody. */
    Tally *connection;      /* A Decoder; NULL until it is open. */
    Cork *outbox;
    PyObject *turns;        /* Set once messages may have to wait for each other. */
    char heard;
    char shut;
    char busy;
    char holds;             /* True if reads wait that arrived while it was busy. */
    uint32_t thread;        /* The thread that it belongs to, as `this_thread`; 0 for none. */
} Exchange;

/* The messages of a connection that wait; see inbox.c. */
typedef struct Queue Queue;

/* The object that an application has for a connection. */
typedef struct {
    PyObject_HEAD
    Exchange *driver;
} Handle;

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

/* Tell whether nothing is against sending a whole message now, the short way. */
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
PyObject *decode_text(const unsigned char *data, Py_ssize_t size);
unsigned char *payload_of(const Unfinished *self);
int make_room(State *state, Unfinished *self, Py_ssize_t size);
PyObject *release_payload(State *state, Unfinished *self);

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

/* In decoder.c. */
int read_limits(const Decoder *self, Limits *limits);
int hold(Decoder *self, const unsigned char *data, Py_ssize_t size);
Found find_next(State *state, Decoder *self, const Limits *limits, Bytes *rest,
                PyObject **message);
int take_control(Decoder *self, Bytes *rest, PyObject **payload);

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
bool is_short(const Decoder *decoder);
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
Queue *queue_of(PyObject *object);
int queue_put(State *state, Queue *self, PyObject *message);
int queue_wake(State *state, Queue *self);
bool queue_is_unread(const Queue *self);
PyObject *queue_take(State *state, Queue *self);
PyObject *queue_wait(Queue *self, PyObject *type);
PyObject *queue_next(PyObject *object);
int add_inbox(PyObject *module);

/* In prompt.c. */
PyObject *new_answer(State *state, PyObject *result);
PyObject *new_prompt(PyObject *type, PyObject *source, PyObject *result);
int add_prompt(PyObject *module, State *state);

/* In pulling.c. */
PyObject *receive_message(State *state, Exchange *driver, PyObject *const *args, Py_ssize_t count,
                          PyObject *names);
PyObject *send_and_wait(State *state, Exchange *driver, PyObject *const *args, Py_ssize_t count,
                        PyObject *names);

/* In sending.c. */
int send_short(State *state, Exchange *self, PyObject *message);
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
