#define _GNU_SOURCE
#include "CLinux.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>

int clinux_accept4(int socket, void *address, unsigned int *length, int flags) {
    return accept4(socket, address, length, flags);
}

int clinux_open_direct(const char *path) {
    return open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
}

int clinux_try_lock(int file) {
    return flock(file, LOCK_EX | LOCK_NB);
}

void clinux_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}
