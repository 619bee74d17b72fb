/* What a process has used of the machine, and what time it is. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/types.h>

/* Seconds of some past moment on. */
double now(void);

/* CPU seconds of a process with all its threads; 0 is this one. */
double cpu_seconds(pid_t process);

/* KiB of memory that a process holds. */
double resident_kib(pid_t process);

#endif
