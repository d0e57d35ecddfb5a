#pragma once
/// Calls and constants of Linux that Swift's Glibc module does not import, because they are macros, variadic or GNU extensions.
int clinux_accept4(int socket, void *address, unsigned int *length, int flags);
/// open(2) for reading with O_DIRECT, close-on-exec.
int clinux_open_direct(const char *path);
/// flock(2), exclusive and without waiting; the function's name is a struct's in Swift.
int clinux_try_lock(int file);
/// flock(2): gives the lock back, whoever else holds a copy of the descriptor.
int clinux_unlock(int file);
/// chmod(2) of a socket's file and of nothing else, whatever has taken its name meanwhile: 0, or -1 and errno.
int clinux_set_socket_mode(const char *path, unsigned mode);

#include <stdint.h>

/// One event of epoll_wait(2), laid out alike on every architecture.
struct clinux_event {
    uint64_t data;
    uint32_t events;
};

enum {
    CLINUX_EPOLLIN = 0x001,
    CLINUX_EPOLLOUT = 0x004,
    CLINUX_EPOLLERR = 0x008,
    CLINUX_EPOLLHUP = 0x010,
    CLINUX_EPOLLEXCLUSIVE = 1 << 28
};

int clinux_epoll_create(void);
/// EPOLL_CTL_ADD with level triggering.
int clinux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
int clinux_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data);
int clinux_epoll_remove(int epoll, int descriptor);
/// At most 256 events a call; -1 with errno as epoll_wait(2).
int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout);
/// A non-blocking, close-on-exec eventfd(2).
int clinux_eventfd(void);
/// A non-blocking, close-on-exec stream socket.
int clinux_stream_socket(int family);
/// Names the calling thread; the kernel keeps 15 octets.
void clinux_name_thread(const char *name);
/// A blocking, close-on-exec AF_UNIX socket of type SOCK_SEQPACKET, whose sends and receives give up after some seconds.
int clinux_packet_socket(int seconds);
/// The effective user at the other end of a connected AF_UNIX socket (SO_PEERCRED); -1 with errno.
long clinux_peer_user(int socket);
/// Sends one message with copies of `count` descriptors (SCM_RIGHTS). 0 or -1 with errno.
int clinux_send_descriptors(int socket, const void *text, unsigned long length, const int *descriptors, int count);
/// Receives one message; `*count` is how many descriptors there is room for, and then how many came, close-on-exec.
/// The message's length, or -1 with errno; nothing stays open after a failure.
long clinux_receive_descriptors(int socket, void *text, unsigned long capacity, int *descriptors, int *count);
/// Has the calling thread take the processor and the disk only when nobody else wants them, as far as the kernel can.
void clinux_stand_back(void);
/// The value of a file's POSIX access control list (acl(5)): its length, or -1 with errno for a file without one.
long clinux_access_list(const char *path, void *value, unsigned long capacity);
/// How many processors the calling thread may run on; 1 if that cannot be told.
int clinux_processors(void);
/// Passes a fraction of a microsecond for a thread that watches for something, and lets others have the processor.
void clinux_relax(void);
/// CLOCK_MONOTONIC in nanoseconds.
uint64_t clinux_nanoseconds(void);
/// What statx(2) tells of a file without its times.
struct clinux_status {
    uint64_t device;
    uint64_t inode;
    uint64_t links;
    uint64_t size;
};

/// statx(2) of `path`, or of `file` where that is null. 0 or -1 with errno.
///
/// A file's times are not asked for: once somebody has seen them, the kernel gives the next write a time of its own, and a
/// file system then writes the inode with every durable write.
int clinux_stat(int file, const char *path, struct clinux_status *status);
/// sync_file_range(2): begins to write dirty pages of the range, or waits until they are written. 0 or -1 with errno.
int clinux_write_back(int file, long long offset, long long count, int waits);
/// Has a listening TCP socket ignore new connection attempts; those under way still arrive. 0 or -1 with errno.
int clinux_ignore_syn(int socket);
/// Gives `file`, a directory or a regular file just opened in `directory`, the owner and group of that directory, if this
/// process is root's; does nothing otherwise. 0, or -1 with errno: EMLINK for a file that has other names as well, since
/// those may lie where the directory's owner has no rights.
int clinux_take_owner(int file, const char *directory);
/// Which directory has a path, and when its names last changed.
struct clinux_changes {
    uint64_t device;
    uint64_t inode;
    /// Nanoseconds of the clock of the file system.
    uint64_t time;
    /// Whether the last change is so old that any later one has another time, however coarse the clock is.
    int is_settled;
};

/// statx(2) of a directory. 0 or -1 with errno.
int clinux_directory_changes(const char *path, struct clinux_changes *changes);
/// Sends one datagram to the AF_UNIX address `name`, waiting a second at most for a slow receiver; a name that begins with `@`
/// is an abstract one (unix(7)). 0, or -1 and errno.
int clinux_send_datagram(const char *name, const void *text, unsigned long length);
/// Has timed waits of the calling thread end within a microsecond of their time, where Linux otherwise takes 50 (prctl(2)).
void clinux_set_exact_timers(void);
/// One pointer of the calling thread's own, null until the thread sets it.
void *clinux_thread_value(void);
void clinux_set_thread_value(void *value);
