#define _GNU_SOURCE
#include "CLinux.h"
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int clinux_accept4(int socket, void *address, unsigned int *length, int flags) {
    return accept4(socket, address, length, flags);
}

int clinux_open_direct(const char *path) {
    return open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
}

int clinux_try_lock(int file) {
    return flock(file, LOCK_EX | LOCK_NB);
}

int clinux_unlock(int file) {
    return flock(file, LOCK_UN);
}

int clinux_set_socket_mode(const char *path, unsigned mode) {
    int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return -1;
    struct stat status;
    int result = fstat(file, &status);
    if (result == 0 && !S_ISSOCK(status.st_mode)) {
        errno = ENOTSOCK;
        result = -1;
    }
    if (result == 0 && (status.st_mode & 0777) != mode) {
        // The one name by which chmod finds what the descriptor stands for.
        char name[32];
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
        result = chmod(name, mode);
    }
    int error = errno;
    close(file);
    errno = error;
    return result;
}

_Static_assert(CLINUX_EPOLLIN == EPOLLIN && CLINUX_EPOLLOUT == EPOLLOUT && CLINUX_EPOLLERR == EPOLLERR, "epoll.h");
_Static_assert(CLINUX_EPOLLHUP == EPOLLHUP && CLINUX_EPOLLEXCLUSIVE == (int)EPOLLEXCLUSIVE, "epoll.h");

int clinux_epoll_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

int clinux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int clinux_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
}

int clinux_epoll_remove(int epoll, int descriptor) {
    struct epoll_event unused = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &unused);
}

int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout) {
    struct epoll_event ready[256];
    int count = epoll_wait(epoll, ready, capacity < 256 ? capacity : 256, timeout);
    for (int index = 0; index < count; index++) {
        events[index].data = ready[index].data.u64;
        events[index].events = ready[index].events;
    }
    return count;
}

int clinux_eventfd(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int clinux_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void clinux_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

void clinux_stand_back(void) {
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
    // IOPRIO_WHO_PROCESS, and the class IOPRIO_CLASS_IDLE in the upper three bits; glibc has no name for them.
    syscall(SYS_ioprio_set, 1, 0, 3 << 13);
}

long clinux_access_list(const char *path, void *value, unsigned long capacity) {
    return getxattr(path, "system.posix_acl_access", value, capacity);
}

int clinux_processors(void) {
    // The kernel refuses a set smaller than its own, which on the largest machines is more than cpu_set_t has room for.
    for (int count = CPU_SETSIZE; count <= 65536; count *= 4) {
        cpu_set_t *set = CPU_ALLOC(count);
        if (!set) break;
        int found = sched_getaffinity(0, CPU_ALLOC_SIZE(count), set) == 0 ? CPU_COUNT_S(CPU_ALLOC_SIZE(count), set) : 0;
        CPU_FREE(set);
        if (found > 0) return found;
    }
    return 1;
}

void clinux_relax(void) {
    // Few in a row: a hypervisor takes a long one for a lock whose holder does not run, and takes the processor away.
    for (int round = 0; round < 8; round++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb");
#endif
    }
    sched_yield();
}

uint64_t clinux_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int clinux_stat(int file, const char *path, struct clinux_status *status) {
    struct statx found;
    unsigned wanted = STATX_INO | STATX_NLINK | STATX_SIZE;
    int result = path ? statx(AT_FDCWD, path, 0, wanted, &found) : statx(file, "", AT_EMPTY_PATH, wanted, &found);
    if (result != 0 && (errno == ENOSYS || errno == EPERM)) {
        // A kernel before 4.11, or a container's filter that does not know the call.
        struct stat old;
        if ((path ? stat(path, &old) : fstat(file, &old)) != 0) return -1;
        *status = (struct clinux_status){
            .device = (uint64_t)major(old.st_dev) << 32 | minor(old.st_dev),
            .inode = old.st_ino,
            .links = old.st_nlink,
            .size = (uint64_t)old.st_size,
        };
        return 0;
    }
    if (result != 0) return -1;
    status->device = (uint64_t)found.stx_dev_major << 32 | found.stx_dev_minor;
    status->inode = found.stx_ino;
    status->links = found.stx_nlink;
    status->size = found.stx_size;
    return 0;
}

int clinux_write_back(int file, long long offset, long long count, int waits) {
    unsigned flags = SYNC_FILE_RANGE_WRITE;
    if (waits) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    return sync_file_range(file, offset, count, flags);
}

int clinux_ignore_syn(int socket) {
    // Octet 13 of the TCP header holds the flags: SYN without ACK is dropped, everything else passes.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int clinux_packet_socket(int seconds) {
    int made = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (made < 0) return -1;
    struct timeval limit = {.tv_sec = seconds};
    setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return made;
}

long clinux_peer_user(int socket) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    return (long)peer.uid;
}

/* The kernel passes at most 253 descriptors with one message (SCM_MAX_FD). */
enum { DESCRIPTORS_MAX = 253 };

union ancillary {
    struct cmsghdr aligned;
    char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

int clinux_send_descriptors(int socket, const void *text, unsigned long length, const int *descriptors, int count) {
    if (count < 0 || count > DESCRIPTORS_MAX) {
        errno = EINVAL;
        return -1;
    }
    union ancillary control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)text, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, (size_t)count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

long clinux_receive_descriptors(int socket, void *text, unsigned long capacity, int *descriptors, int *count) {
    int room = *count;
    *count = 0;
    union ancillary control;
    struct iovec part = {.iov_base = text, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (length < 0) return -1;
    int fits = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < came; index++) {
            int one;
            memcpy(&one, CMSG_DATA(header) + index * sizeof(int), sizeof one);
            if (fits && *count < room) {
                descriptors[(*count)++] = one;
            } else {
                fits = 0;
                close(one);
            }
        }
    }
    if (fits) return (long)length;
    while (*count > 0) close(descriptors[--*count]);
    errno = EMSGSIZE;
    return -1;
}

int clinux_take_owner(int file, const char *directory) {
    if (geteuid() != 0) return 0;
    struct stat own, parent;
    if (fstat(file, &own) != 0 || stat(directory, &parent) != 0) return -1;
    if (own.st_uid == parent.st_uid && own.st_gid == parent.st_gid) return 0;
    if (!S_ISDIR(own.st_mode)) {
        if (!S_ISREG(own.st_mode)) {
            errno = EINVAL;
            return -1;
        }
        if (own.st_nlink != 1) {
            errno = EMLINK;
            return -1;
        }
    }
    return fchown(file, parent.st_uid, parent.st_gid);
}

int clinux_directory_changes(const char *path, struct clinux_changes *changes) {
    struct statx found;
    // The time of the last status change: unlike that of the names alone, no program can set it.
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_CTIME, &found) != 0) return -1;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    changes->device = (uint64_t)found.stx_dev_major << 32 | found.stx_dev_minor;
    changes->inode = found.stx_ino;
    changes->time = (uint64_t)found.stx_ctime.tv_sec * 1000000000u + found.stx_ctime.tv_nsec;
    changes->is_settled = now.tv_sec - found.stx_ctime.tv_sec > 2;
    return 0;
}

int clinux_send_datagram(const char *name, const void *text, unsigned long length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t name_length = strlen(name);
    // A path needs its NUL; an abstract name has none.
    if (name_length < 2 || name_length > sizeof address.sun_path - (name[0] == '@' ? 0 : 1)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, name, name_length);
    socklen_t address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_length);
    if (name[0] == '@') address.sun_path[0] = 0;
    else address_length++;
    int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (made < 0) return -1;
    struct timeval limit = {.tv_sec = 1};
    setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ssize_t sent = sendto(made, text, length, MSG_NOSIGNAL, (struct sockaddr *)&address, address_length);
    int error = errno;
    close(made);
    errno = error;
    return sent < 0 ? -1 : 0;
}

void clinux_set_exact_timers(void) {
    prctl(PR_SET_TIMERSLACK, 1000);
}

static __thread void *thread_value;

void *clinux_thread_value(void) {
    return thread_value;
}

void clinux_set_thread_value(void *value) {
    thread_value = value;
}
