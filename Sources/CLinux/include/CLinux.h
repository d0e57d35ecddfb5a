#pragma once
/// Calls and constants of Linux that Swift's Glibc module does not import, because they are macros, variadic or GNU extensions.
int clinux_accept4(int socket, void *address, unsigned int *length, int flags);
/// open(2) for reading with O_DIRECT, close-on-exec.
int clinux_open_direct(const char *path);
/// flock(2), exclusive and without waiting; the function's name is a struct's in Swift.
int clinux_try_lock(int file);
/// Names the calling thread for ps and debuggers; 15 octets at most.
void clinux_name_thread(const char *name);
