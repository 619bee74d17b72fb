/* Ending with a reason. */
#ifndef FAIL_H
#define FAIL_H

/* Print why on stderr, and exit. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Likewise, with what errno says. */
_Noreturn void fail_call(const char *what);

#endif
