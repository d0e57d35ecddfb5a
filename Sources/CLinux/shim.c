#define _GNU_SOURCE
#include "CLinux.h"
#include <sys/socket.h>

int clinux_accept4(int socket, void *address, unsigned int *length, int flags) {
    return accept4(socket, address, length, flags);
}
