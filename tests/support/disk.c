/* A disk that is slow, full, read-only or broken, and that writes down what it was told. For LD_PRELOAD, on Linux.

   DISK_SLOW_US  every sync takes so many microseconds longer, as on a cheap server
   DISK_FILE     the database: what follows concerns this file and its log (-wal)
   DISK_RECORD   gets each write, cut and sync of them in the order they were carried out; tests/durability/power.rs reads it
   DISK_FAULT    while this file exists, writes fail: by its first letter because the disk is [f]ull, [r]ead-only or [b]roken */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OTHER, DATABASE, LOG };
enum { WRITE = 'w', CUT = 'c', SYNC = 's' };

#define DESCRIPTORS 65536
static unsigned char file_of[DESCRIPTORS];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static int file(int fd) { return fd >= 0 && fd < DESCRIPTORS ? file_of[fd] : OTHER; }

static int opened(int fd, const char *path) {
    const char *database = getenv("DISK_FILE");
    if (fd < 0 || fd >= DESCRIPTORS || !database) return fd;
    size_t length = strlen(database);
    int is_near = strncmp(path, database, length) == 0;
    file_of[fd] = is_near && !path[length] ? DATABASE : is_near && strcmp(path + length, "-wal") == 0 ? LOG : OTHER;
    return fd;
}

/* What a write or sync of this file fails with at the moment; 0: nothing. */
static int fault(int fd) {
    const char *path = getenv("DISK_FAULT");
    char kind = 0;
    if (!path || !file(fd)) return 0;
    int found = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (found < 0) return 0;
    (void)!syscall(SYS_read, found, &kind, 1);
    syscall(SYS_close, found);
    return kind == 'f' ? ENOSPC : kind == 'r' ? EROFS : EIO;
}

/* One entry: kind, file, length of the data, offset, data. Callers hold `order`. */
static void record(int fd, unsigned char kind, uint64_t offset, const void *data, uint32_t length) {
    static int out = -1;
    const char *path = getenv("DISK_RECORD");
    if (!path || !file(fd)) return;
    if (out < 0) out = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    unsigned char head[14] = {kind, file_of[fd]};
    memcpy(head + 2, &length, 4);
    memcpy(head + 6, &offset, 8);
    if (syscall(SYS_write, out, head, sizeof head) != sizeof head) abort();
    if (length && syscall(SYS_write, out, data, (size_t)length) != (long)length) abort();
}

static ssize_t put(int fd, const void *data, size_t length, off64_t offset) {
    int failure = fault(fd);
    if (failure) { errno = failure; return -1; }
    pthread_mutex_lock(&order);
    ssize_t done = syscall(SYS_pwrite64, fd, data, length, offset);
    if (done > 0) record(fd, WRITE, (uint64_t)offset, data, (uint32_t)done);
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return put(fd, data, length, offset); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return put(fd, data, length, offset); }

ssize_t write(int fd, const void *data, size_t length) {
    if (!file(fd)) return syscall(SYS_write, fd, data, length);
    off64_t offset = lseek64(fd, 0, SEEK_CUR);
    ssize_t done = put(fd, data, length, offset);
    if (done > 0) lseek64(fd, offset + done, SEEK_SET);
    return done;
}

static int cut(int fd, off64_t length) {
    int failure = fault(fd);
    if (failure) { errno = failure; return -1; }
    pthread_mutex_lock(&order);
    int done = (int)syscall(SYS_ftruncate, fd, length);
    if (done == 0) record(fd, CUT, (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int ftruncate64(int fd, off64_t length) { return cut(fd, length); }
int ftruncate(int fd, off_t length) { return cut(fd, length); }

static int keep(int fd, long number) {
    const char *slow = getenv("DISK_SLOW_US");
    if (slow) usleep((useconds_t)atoi(slow));
    int failure = fault(fd);
    if (failure == EIO) { errno = failure; return -1; }
    /* Nothing is written meanwhile, so that what came before is all that this has kept. */
    if (file(fd)) pthread_mutex_lock(&order);
    int done = (int)syscall(number, fd);
    if (file(fd)) {
        if (done == 0) record(fd, SYNC, 0, NULL, 0);
        pthread_mutex_unlock(&order);
    }
    return done;
}

int fsync(int fd) { return keep(fd, SYS_fsync); }
int fdatasync(int fd) { return keep(fd, SYS_fdatasync); }

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        va_list more;                                                                  \
        va_start(more, flags);                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;         \
        va_end(more);                                                                  \
        return opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path);    \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < DESCRIPTORS) file_of[fd] = OTHER;
    return (int)syscall(SYS_close, fd);
}
