/* A clock that can be set while a program runs. For LD_PRELOAD, on Linux.

   CLOCK_FILE   what the clock says: "+3600" or "-3600" is so many seconds beside the true time, "=1780000000" stands still
                there; nothing, or no such file, is the true time

   Only the time of day is wrong. What counts the time that passes (CLOCK_MONOTONIC) never is, as on a real machine. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void set(struct timespec *at) {
    const char *path = getenv("CLOCK_FILE");
    char text[32] = "";
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    (void)!syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (text[0] == '=') {
        at->tv_sec = atoll(text + 1);
        at->tv_nsec = 0;
    } else {
        at->tv_sec += atoll(text);
    }
}

int clock_gettime(clockid_t id, struct timespec *at) {
    int done = (int)syscall(SYS_clock_gettime, id, at);
    if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) set(at);
    return done;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
