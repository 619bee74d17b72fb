/* UTF-8 that arrives in parts: a wrong byte is found as soon as it is there (RFC 6455 section 5.6).
 * The twin is _TextBuffer in wire/unfinished.py. */

#include "accelerator.h"

/* Begin a character of several bytes; return false if none begins with this one. RFC 3629 section 4
 * has the ranges of the second byte: those that are left out here would be longer than needed, a
 * surrogate, or over U+10FFFF. */
static bool
begin_character(Utf8 *self, unsigned char first)
{
    if (first < 0xC2 || first > 0xF4) {
        return false;
    }
    self->had = 1;
    self->lacks = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    self->least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    self->most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return true;
}

static uint64_t
word_at(const unsigned char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* Return the number of bytes at the beginning that are whole characters of a kind that is checked
 * eight bytes, or one character, at a time: ASCII, two bytes, and most of three bytes. */
static Py_ssize_t
skip_plain(const unsigned char *data, Py_ssize_t size)
{
    Py_ssize_t at = 0;
    while (size - at >= 8) {
        uint64_t word = word_at(data + at);
        const unsigned char *next = data + at;
        if (!(word & 0x8080808080808080)) {
            at += 8;
        }
        else if (next[0] < 0x80) {
            at++;
        }
        else if (next[0] >= 0xC2 && next[0] < 0xE0 && (next[1] & 0xC0) == 0x80) {
            at += 2;
        }
        else if (next[0] > 0xE0 && next[0] < 0xF0 && next[0] != 0xED && (next[1] & 0xC0) == 0x80
                 && (next[2] & 0xC0) == 0x80) {
            at += 3;
        }
        else {
            break;
        }
    }
    return at;
}

/* Check more bytes; return false if one of them can't be UTF-8. */
bool
check_utf8(Utf8 *self, const unsigned char *data, Py_ssize_t size)
{
    Py_ssize_t at = 0;
    while (at < size) {
        if (self->lacks == 0) {
            at += skip_plain(data + at, size - at);
            if (at == size) {
                break;
            }
            if (data[at] >= 0x80 && !begin_character(self, data[at])) {
                return false;
            }
            at++;
        }
        else {
            if (data[at] < self->least || data[at] > self->most) {
                return false;
            }
            self->had++;
            self->lacks--;
            self->least = 0x80;
            self->most = 0xBF;
            at++;
        }
    }
    return true;
}
