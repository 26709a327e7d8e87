/* Time, memory and open files of this process, and waiting. For Linux. */
#ifndef MEASURE_H
#define MEASURE_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits the whole time, also if signals arrive. */
static inline void pause_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* How many KiB of memory are resident; -1 if unknown. */
static inline long resident(void)
{
    long pages = -1;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        pages = -1;
    if (file)
        fclose(file);
    return pages < 0 ? -1 : pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* How many entries a directory has, such as /proc/self/fd; -1 if unknown. */
static inline long entries(const char *directory)
{
    long count = 0;
    DIR *open = opendir(directory);
    if (!open)
        return -1;
    while (readdir(open))
        count++;
    closedir(open);
    return count;
}

#endif
