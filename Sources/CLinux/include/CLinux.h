#pragma once
/// Calls and constants of Linux that Swift's Glibc module does not import, because they are macros, variadic or GNU extensions.
int clinux_accept4(int socket, void *address, unsigned int *length, int flags);
