/* The answer to a client's key (RFC 6455 section 4.2.2): accept_key, whose twin is in
 * wire/handshake/rules.py, with SHA-1 (RFC 3174) and base64 (RFC 4648).
 *
 * The digest of 60 bytes takes less time than making an object of hashlib. The handshake "doesn't
 * depend on any security properties of SHA-1" (RFC 6455 section 10.8).
 */

#include "accelerator.h"

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum { GUID_SIZE = sizeof(GUID) - 1, BLOCK_SIZE = 64, LENGTH_SIZE = 8, WORDS = 5 };

enum { DIGEST_SIZE = 4 * WORDS, ENCODED_SIZE = 4 * ((DIGEST_SIZE + 2) / 3) };

static inline uint32_t
rotated(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static inline uint32_t
word_at(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Return word t of the schedule; of the words before, 16 are kept (RFC 3174 section 6.2). */
static inline uint32_t
scheduled(uint32_t *words, int t)
{
    if (t >= 16) {
        words[t & 15] = rotated(words[(t + 13) & 15] ^ words[(t + 8) & 15] ^ words[(t + 2) & 15]
                                ^ words[t & 15], 1);
    }
    return words[t & 15];
}

/* Twenty steps of RFC 3174 section 6.1 (d), with their function f and their constant k. Unrolled,
 * they take a third less time. */
#define STEPS(first, f, k)                                                              \
    _Pragma("GCC unroll 20")                                                            \
    for (int t = (first); t < (first) + 20; t++) {                                      \
        uint32_t next = rotated(a, 5) + (f) + e + scheduled(words, t) + (k);            \
        e = d, d = c, c = rotated(b, 30), b = a, a = next;                              \
    }

/* Take a block into the digest (RFC 3174 section 6.1). */
static void
take_block(uint32_t *digest, const unsigned char *block)
{
    uint32_t words[16];
    for (int t = 0; t < 16; t++) {
        words[t] = word_at(block + 4 * t);
    }
    uint32_t a = digest[0], b = digest[1], c = digest[2], d = digest[3], e = digest[4];
    STEPS(0, (b & c) | (~b & d), 0x5a827999)
    STEPS(20, b ^ c ^ d, 0x6ed9eba1)
    STEPS(40, (b & c) | (b & d) | (c & d), 0x8f1bbcdc)
    STEPS(60, b ^ c ^ d, 0xca62c1d6)
    digest[0] += a, digest[1] += b, digest[2] += c, digest[3] += d, digest[4] += e;
}

/* Write the digest of a message that has been padded to whole blocks. */
static void
write_digest(unsigned char *to, const unsigned char *padded, size_t size)
{
    uint32_t digest[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (size_t place = 0; place < size; place += BLOCK_SIZE) {
        take_block(digest, padded + place);
    }
    for (int i = 0; i < DIGEST_SIZE; i++) {
        to[i] = (unsigned char)(digest[i / 4] >> (24 - 8 * (i % 4)));
    }
}

/* Write a digest as base64 (RFC 4648 section 4), with a zero byte after its 20 bytes. */
static void
write_encoded(Py_UCS1 *to, const unsigned char *from)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i <= DIGEST_SIZE; i += 3, from += 3, to += 4) {
        to[0] = digits[from[0] >> 2];
        to[1] = digits[(from[0] & 0x03) << 4 | from[1] >> 4];
        to[2] = digits[(from[1] & 0x0f) << 2 | from[2] >> 6];
        to[3] = digits[from[2] & 0x3f];
    }
    to[-1] = '=';
}

/* Write the key and the GUID, with the padding of RFC 3174 section 4. */
static void
write_padded(unsigned char *to, size_t padded, const char *key, size_t size)
{
    memcpy(to, key, size);
    memcpy(to + size, GUID, GUID_SIZE);
    size += GUID_SIZE;
    memset(to + size, 0, padded - size);
    to[size] = 0x80;
    uint64_t bits = (uint64_t)size * 8;
    for (int i = 1; i <= LENGTH_SIZE; i++, bits >>= 8) {
        to[padded - i] = (unsigned char)bits;
    }
}

PyDoc_STRVAR(accept_key_doc,
"accept_key($module, key, /)\n--\n\n"
"Return the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (section 4.2.2).");

static PyObject *
accept_key(PyObject *Py_UNUSED(module), PyObject *key)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(key, &size);
    if (text == NULL) {
        return NULL;
    }
    size_t whole = (size_t)size + GUID_SIZE + 1 + LENGTH_SIZE;
    size_t padded = (whole + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
    unsigned char *message = PyMem_Malloc(padded);
    if (message == NULL) {
        return PyErr_NoMemory();
    }
    unsigned char digest[DIGEST_SIZE + 1] = {0};
    write_padded(message, padded, text, (size_t)size);
    write_digest(digest, message, padded);
    PyMem_Free(message);
    PyObject *answer = PyUnicode_New(ENCODED_SIZE, 0x7f);
    if (answer != NULL) {
        write_encoded(PyUnicode_1BYTE_DATA(answer), digest);
    }
    return answer;
}

static PyMethodDef functions[] = {
    {"accept_key", accept_key, METH_O, accept_key_doc},
    {NULL, NULL, 0, NULL},
};

int
add_keys(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
