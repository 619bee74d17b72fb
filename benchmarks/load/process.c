#include "process.h"

#include <stdio.h>
#include <time.h>

#include "fail.h"

static double seconds(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time))
        fail("the server has ended");
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double now(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double cpu_seconds(pid_t process)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    if (process != 0 && clock_getcpuclockid(process, &clock))
        fail("the server has ended");
    return seconds(clock);
}

double resident_kib(pid_t process)
{
    char line[256];
    snprintf(line, sizeof line, "/proc/%d/status", (int)process);
    FILE *status = fopen(line, "r");
    if (status == NULL)
        fail("the server has ended");
    long kib = -1;
    while (kib < 0 && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmRSS: %ld", &kib);
    fclose(status);
    return (double)kib;
}
