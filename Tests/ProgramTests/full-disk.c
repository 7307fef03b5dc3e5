// A disk of DISK_BYTES for the files below DISK_FOLDER: what would grow them past it is written in part, and then refused, as a full
// file system does. Preloaded into the program under test.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[4096];
static long long limit = -1, total;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void start(void) __attribute__((constructor));
static void start(void) {
  const char *below = getenv("DISK_FOLDER"), *bytes = getenv("DISK_BYTES");
  if (!below || !bytes) return;
  snprintf(folder, sizeof folder, "%s/", below);
  limit = atoll(bytes);
}

static int add(const char *path, const struct stat *status, int kind) {
  (void)path;
  if (kind == FTW_F) total += status->st_size;
  return 0;
}

// How many of `count` bytes at `offset` find room; negative offsets are the file's own place. -1 when none does.
static ssize_t room(int file, size_t count, off_t offset) {
  char link[64], path[4096];
  struct stat status;
  if (limit < 0) return count;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return count;
  path[length] = 0;
  if (strncmp(path, folder, strlen(folder)) || fstat(file, &status) || !S_ISREG(status.st_mode)) return count;
  if (offset < 0) offset = lseek(file, 0, SEEK_CUR);
  if (offset + (off_t)count <= status.st_size) return count;
  total = 0;
  ftw(folder, add, 8);
  off_t end = status.st_size + (limit > total ? limit - total : 0);
  if (offset >= end) {
    errno = ENOSPC;
    return -1;
  }
  return offset + (off_t)count <= end ? (ssize_t)count : end - offset;
}

#define WRITE_AT(NAME, OFFSET)                                                    \
  ssize_t NAME(int file, const void *bytes, size_t count, OFFSET offset) {        \
    ssize_t (*real)(int, const void *, size_t, OFFSET) = dlsym(RTLD_NEXT, #NAME); \
    pthread_mutex_lock(&lock);                                                    \
    ssize_t done = room(file, count, offset);                                     \
    if (done >= 0) done = real(file, bytes, done, offset);                        \
    pthread_mutex_unlock(&lock);                                                  \
    return done;                                                                  \
  }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

ssize_t write(int file, const void *bytes, size_t count) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  pthread_mutex_lock(&lock);
  ssize_t done = room(file, count, -1);
  if (done >= 0) done = real(file, bytes, done);
  pthread_mutex_unlock(&lock);
  return done;
}
