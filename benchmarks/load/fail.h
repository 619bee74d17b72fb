/* Ending the program with an error. */
#ifndef FAIL_H
#define FAIL_H

/* Print the error on stderr, and exit. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Likewise, with the text of errno. */
_Noreturn void fail_call(const char *what);

#endif
