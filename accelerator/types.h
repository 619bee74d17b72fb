/* The types that the files of the accelerator share: of objects, of their parts, of the state of the
 * module. */

#ifndef TXWS2_TYPES_H
#define TXWS2_TYPES_H

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
    ABORTING, ADD_BOTH, APPLICATION, BLAME, BUFFER_SIZE, CALL_BACK, CONTROL_RECEIVED, CORK, DATA_BUFFER,
    DATA_RECEIVED, DECOMPRESS, DEFLATE, DISCONNECTING, DO_READ, DRAINED, ENDED, FILENO, GIVE,
    GO_ON, HOLD_READ,
    HOOK_RETURNED, INFLATE_PART, JUST_STOPPED, KEEP, LEFT_UNREAD, LET_CATCH_UP, MESSAGE_FAILED,
    MESSAGE_RECEIVED, NEW_TIMED_CALLS, NEXT, OVER_LIMIT, PAUSE, PENDING_TIMED_CALLS,
    PING_HOOK, PING_RECEIVED, PROTOCOL, PUT_OFF, PUT_OTHERWISE, RAISED, READ_ENDED, READ_OTHERWISE,
    RECEIVE, RECEIVE_HELD, RECEIVE_OPENING, RECV_OTHERWISE, REFUSE, RESUME, RETURNED, RUNNING,
    SEND_AND_WAIT, SEND_OTHERWISE, TAKE_FIRST, TEMP_DATA_LEN, TIME, TLS, TRANSMIT,
    TRANSPORT_CLOSED, UNCORK, WAIT, WRAPPED_PROTOCOL, WRITE, NAMES
};

/* Spares are payloads that were given out, and are used again once nobody else refers to them. The
 * first use of new memory takes several times as long as unmasking into it: each page is a
 * fault. They have at most MOST_SPARED bytes together, and serve many connections at once. */
enum { SPARES = 16, LEAST_SPARE = 64 << 10, MOST_SPARE = 4 << 20, MOST_SPARED = 16 << 20 };

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

/* Functions of zlib, and its z_stream, as `Stream` in zlib_calls.c; all NULL if there is none. */
typedef struct {
    int (*init)(void *stream, int window_bits, const char *version, int size);
    int (*inflate)(void *stream, int flush);
    int (*end)(void *stream);
} ZLib;

typedef struct {
    PyObject *new_mask;
    PyObject *spares[SPARES];
    unsigned int next_spare;
    Py_ssize_t spared;              /* The number of bytes in these. */
    PyTypeObject *cork_type;
    PyTypeObject *decoder_type;
    PyTypeObject *tally_type;
    PyTypeObject *exchange_type;
    PyTypeObject *handle_type;
    PyTypeObject *answer_type;
    PyObject *spare_answer;
    PyObject *none_answer;          /* The Answer of all whose result is None; NULL at first. */
    PyObject *spare_done;           /* A Deferred that has fired with None; NULL at first. */
    PyObject *received;             /* Classes and a function for pull style; NULL at first. */
    PyObject *done;
    PyObject *step;
    PyObject *current_loop;
    PyObject *names[NAMES];
    PyObject *do_read;              /* Twisted's, of a TCP transport; NULL at first. */
    PyObject *ping_hook;            /* Receiver.pingReceived, which does nothing; NULL at first. */
    unsigned char *read;            /* The buffer of read_through; NULL at first. */
    bool reading;                   /* True while the bytes in that buffer are in use. */
    unsigned int turn;              /* The number of the reactor's turns, as far as known. */
    PyTypeObject *records_type;
    PyTypeObject *inflation_type;
    ZLib zlib;
    unsigned char *inflated;        /* The bytes of a message that was inflated; NULL at first. */
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
    PyObject *owner;        /* Owns `ssl`, which owns `into` and `from`; NULL once it is lost. */
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
    char discarding;        /* This and the next two are a Decoder's, whose own would need padding. */
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

/* The most bytes of a header, of the payload of a control frame (RFC 6455 section 5.5), and of a
 * whole control frame. */
enum { HEADER_SIZE = 14, CONTROL_SIZE = 125, HEAD_SIZE = HEADER_SIZE + CONTROL_SIZE };

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
    PyObject *inflater;         /* NULL, or None, before the first compressed message. */
    Unfinished *unfinished;     /* NULL if nothing is kept. */
} Decoder;

/* The objects and limits that inflate each message. Its subclass in Python does the rest. */
typedef struct {
    PyObject_HEAD
    PyObject *decompressor;     /* NULL, or None, if there is none, and while it is at work. */
    long long made;
    int window_bits;
    char takeover;
    char used;
} Inflation;

/* A message that was inflated, and its size in bytes. */
typedef struct {
    PyObject *message;
    Py_ssize_t size;
} Inflated;

/* MOST_GROWTH in wire/decoder.py. */
enum { MOST_GROWTH = 256 << 10 };

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
    PyObject *receiver;     /* Gets the messages; NULL for nobody. */
    Tally *connection;      /* A Decoder; NULL until it is open. */
    Cork *outbox;
    PyObject *turns;        /* Set once messages may have to wait for each other. */
    char heard;
    char shut;
    char busy;
    char holds;             /* True if reads wait that arrived while it was busy. */
    uint32_t thread;        /* The thread that it belongs to, as `this_thread`; 0 for none. */
} Exchange;

/* The messages of a connection that wait, in an array: `count` items, from `first` on. Without
 * items, there is no array. */
typedef struct {
    PyObject_HEAD
    PyObject **items;
    PyObject *reader;       /* Waits for the next message; NULL for nobody. */
    Py_ssize_t size;
    uint32_t first;
    uint32_t count;
    uint32_t room;
    uint32_t limit;         /* UINT32_MAX for none. */
    char taking;
    char plain;
    char pausing;
    char asked;
    char ended;
} Queue;

/* The state of a Deferred, and its first callback. */
typedef struct {
    PyObject_HEAD
    PyObject *result;       /* NULL until it has fired. */
    PyObject *source;
    PyObject *waiting;      /* A callback, NULL or None for nobody. */
    PyObject *arguments;    /* The arguments of the callback, a tuple. */
    PyObject *blocking;
    int paused;
    char called;
    char whole;
    char calling;           /* The callback runs. */
    char spare;             /* It serves again once nobody else has it; see `new_done`. */
} Prompt;

/* The object that an application has for a connection. */
typedef struct {
    PyObject_HEAD
    Exchange *driver;
} Handle;

#endif
