// Writes down what a program does to the files below one folder, with the bytes, in the order it happens. Preloaded by
// power-cut.py; each record is: kind, number of the file or length of a name, offset, length, then the name or the bytes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int trace = -1;
static char folder[4096];
static char names[1024][512];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void start(void) __attribute__((constructor));
static void start(void) {
  const char *to = getenv("POWER_TRACE"), *below = getenv("POWER_FOLDER");
  if (!to || !below) return;
  // Children of the program write nothing that counts, and would begin the trace anew.
  unsetenv("LD_PRELOAD");
  snprintf(folder, sizeof folder, "%s/", below);
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  trace = real(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void put(const void *bytes, size_t count) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  const char *place = bytes;
  while (count > 0) {
    ssize_t done = real(trace, place, count);
    if (done <= 0) abort();
    place += done;
    count -= done;
  }
}

static void record(char kind, const char *first, const char *second, int64_t offset, const void *bytes, int64_t count) {
  uint32_t lengths[2] = {(uint32_t)strlen(first), (uint32_t)strlen(second)};
  put(&kind, 1);
  put(lengths, sizeof lengths);
  put(&offset, 8);
  put(&count, 8);
  put(first, lengths[0]);
  put(second, lengths[1]);
  if (bytes) put(bytes, count);
}

// The name below the folder; null for any other.
static const char *inside(const char *path) {
  size_t length = strlen(folder);
  if (trace < 0 || length == 0) return 0;
  if (strncmp(path, folder, length) == 0) return path + length;
  if (strncmp(path, folder, length - 1) == 0 && path[length - 1] == 0) return "";
  return 0;
}

static const char *known(int file) { return trace >= 0 && file >= 0 && file < 1024 && names[file][0] ? names[file] : 0; }

static int opened(int file, const char *path, int flags, int was) {
  const char *name = inside(path);
  if (file < 0 || file >= 1024) return file;
  pthread_mutex_lock(&lock);
  names[file][0] = 0;
  if (name) {
    snprintf(names[file], sizeof names[file], "%s", *name ? name : ".");
    if ((flags & O_CREAT) && !was) record('c', names[file], "", 0, 0, 0);
    if ((flags & O_TRUNC) && was) record('t', names[file], "", 0, 0, 0);
  }
  pthread_mutex_unlock(&lock);
  return file;
}

#define OPEN(NAME)                                                  \
  int NAME(const char *path, int flags, ...) {                      \
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #NAME);  \
    va_list more;                                                   \
    va_start(more, flags);                                          \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0; \
    va_end(more);                                                   \
    int was = inside(path) && access(path, F_OK) == 0;              \
    return opened(real(path, flags, mode), path, flags, was);       \
  }
OPEN(open)
OPEN(open64)

int close(int file) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  if (file >= 0 && file < 1024) names[file][0] = 0;
  return real(file);
}

#define WRITE_AT(NAME, OFFSET)                                                                     \
  ssize_t NAME(int file, const void *bytes, size_t count, OFFSET offset) {                         \
    ssize_t (*real)(int, const void *, size_t, OFFSET) = dlsym(RTLD_NEXT, #NAME);                  \
    pthread_mutex_lock(&lock);                                                                     \
    ssize_t done = real(file, bytes, count, offset);                                               \
    if (done > 0 && known(file)) record('w', known(file), "", offset, bytes, done);                \
    pthread_mutex_unlock(&lock);                                                                   \
    return done;                                                                                   \
  }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

ssize_t write(int file, const void *bytes, size_t count) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  pthread_mutex_lock(&lock);
  off_t place = known(file) ? lseek(file, 0, SEEK_CUR) : 0;
  ssize_t done = real(file, bytes, count);
  if (done > 0 && known(file)) record('w', known(file), "", place, bytes, done);
  if (done > 0 && trace >= 0 && file == 2) record('a', "", "", 0, bytes, done);
  pthread_mutex_unlock(&lock);
  return done;
}

#define TRUNCATE(NAME, OFFSET)                                                   \
  int NAME(int file, OFFSET length) {                                            \
    int (*real)(int, OFFSET) = dlsym(RTLD_NEXT, #NAME);                          \
    pthread_mutex_lock(&lock);                                                   \
    int done = real(file, length);                                               \
    if (done == 0 && known(file)) record('l', known(file), "", length, 0, 0);    \
    pthread_mutex_unlock(&lock);                                                 \
    return done;                                                                 \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int fsync(int file) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  int done = real(file);
  pthread_mutex_lock(&lock);
  if (done == 0 && known(file)) record('s', known(file), "", 0, 0, 0);
  pthread_mutex_unlock(&lock);
  return done;
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  pthread_mutex_lock(&lock);
  int done = real(from, to);
  if (done == 0 && inside(from) && inside(to)) record('r', inside(from), inside(to), 0, 0, 0);
  pthread_mutex_unlock(&lock);
  return done;
}

#define REMOVE(NAME)                                              \
  int NAME(const char *path) {                                    \
    int (*real)(const char *) = dlsym(RTLD_NEXT, #NAME);          \
    pthread_mutex_lock(&lock);                                    \
    int done = real(path);                                        \
    if (done == 0 && inside(path)) record('u', inside(path), "", 0, 0, 0); \
    pthread_mutex_unlock(&lock);                                  \
    return done;                                                  \
  }
REMOVE(unlink)
REMOVE(rmdir)
REMOVE(remove)

int unlinkat(int at, const char *path, int flags) {
  int (*real)(int, const char *, int) = dlsym(RTLD_NEXT, "unlinkat");
  char whole[1024];
  const char *base = known(at);
  pthread_mutex_lock(&lock);
  int done = real(at, path, flags);
  if (done == 0 && *path != '/' && base) {
    snprintf(whole, sizeof whole, "%s%s%s", strcmp(base, ".") ? base : "", strcmp(base, ".") ? "/" : "", path);
    record('u', whole, "", 0, 0, 0);
  } else if (done == 0 && inside(path)) {
    record('u', inside(path), "", 0, 0, 0);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

int mkdir(const char *path, mode_t mode) {
  int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "mkdir");
  pthread_mutex_lock(&lock);
  int done = real(path, mode);
  if (done == 0 && inside(path)) record('m', inside(path), "", 0, 0, 0);
  pthread_mutex_unlock(&lock);
  return done;
}
