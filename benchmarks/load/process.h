/* The CPU time and memory of a process, and the time. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/types.h>

/* Seconds since an arbitrary moment. */
double now(void);

/* CPU seconds of a process with all its threads; 0 stands for this process. */
double cpu_seconds(pid_t process);

/* KiB of memory that a process holds. */
double resident_kib(pid_t process);

#endif
