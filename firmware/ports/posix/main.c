/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node as a process: the same application, its world at the end of a file descriptor.
 *
 *   qres_node FLASH FD    FLASH: a file of LINK_FLASH_BYTES that keeps what flash keeps
 *
 * Ends with 0 when the host says so, with 1 if the board is no node, with 2 on wrong arguments.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app.h"
#include "link.h"

static app node;
static node_link to_host;
static char **arguments;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void write_all(void *ctx, const uint8_t *data, uint32_t len)
{
    const int *fd = ctx;
    while (len > 0) {
        ssize_t n = write(*fd, data, len);
        if (n > 0) {
            data += n;
            len -= (uint32_t)n;
        } else if (n < 0 && errno != EINTR) {
            fail("host");
        }
    }
}

static void read_all(void *ctx, uint8_t *data, uint32_t len)
{
    const int *fd = ctx;
    while (len > 0) {
        ssize_t n = read(*fd, data, len);
        if (n > 0) {
            data += n;
            len -= (uint32_t)n;
        } else if (n == 0) {
            exit(0); /* the host is gone */
        } else if (errno != EINTR) {
            fail("host");
        }
    }
}

static uint64_t no_count(void *ctx)
{
    (void)ctx;
    return 0;
}

static uint32_t no_stack(void *ctx)
{
    (void)ctx;
    return 0;
}

static void leave(void *ctx)
{
    (void)ctx;
    exit(0);
}

static void again(void *ctx)
{
    (void)ctx;
    execv(arguments[0], arguments);
    fail(arguments[0]);
}

int main(int argc, char **argv)
{
    int fd;
    int file;
    uint8_t *flash;
    port p;
    link_pipe pipe = {&fd, write_all, read_all, no_count, no_stack, leave, again};
    arguments = argv;
    if (argc != 3 || (fd = atoi(argv[2])) <= 2) {
        fprintf(stderr, "usage: qres_node FLASH FD, with a descriptor above 2\n");
        return 2;
    }
    file = open(argv[1], O_RDWR);
    if (file < 0 || lseek(file, 0, SEEK_END) < LINK_FLASH_BYTES) {
        fail(argv[1]);
    }
    flash = mmap(NULL, LINK_FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (flash == MAP_FAILED) {
        fail(argv[1]);
    }
    close(file);
    link_port(&to_host, &pipe, flash, &p);
    return app_run(&node, &p) == 0 ? 0 : 1;
}
