/* wasi_sock.c - the machine has no network: no descriptor is a socket. */
#include "proc.h"
#include "wasi.h"

static uint32_t not_a_socket(uint32_t fd)
{
    return handle_slot(&process_self()->handles, fd) ? ENOTSOCK : EBADF;
}

WASI_EXPORT(sock_accept) uint32_t wasi_sock_accept(uint32_t fd, uint32_t flags, uint32_t out)
{
    (void)flags, (void)out;
    return not_a_socket(fd);
}

WASI_EXPORT(sock_recv)
uint32_t wasi_sock_recv(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t nread,
                        uint32_t roflags)
{
    (void)iovs, (void)count, (void)flags, (void)nread, (void)roflags;
    return not_a_socket(fd);
}

WASI_EXPORT(sock_send)
uint32_t wasi_sock_send(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t nsent)
{
    (void)iovs, (void)count, (void)flags, (void)nsent;
    return not_a_socket(fd);
}

WASI_EXPORT(sock_shutdown) uint32_t wasi_sock_shutdown(uint32_t fd, uint32_t how)
{
    (void)how;
    return not_a_socket(fd);
}
