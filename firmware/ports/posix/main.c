/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node as a process: the same application, its world at the end of a file descriptor.
 *
 *   qres_node FLASH FD [TTY]    FLASH: a file of LINK_FLASH_BYTES that keeps what flash keeps
 *                               TTY: its console, a terminal device; as a board, it prints its log there
 *
 * Ends with 0 when the host says so, with 1 if the board is no node, with 2 on wrong arguments.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "app.h"
#include "link.h"

static app node;
static node_link to_host;
static char **arguments;
static int console = -1;
static void (*log_to_host)(void *ctx, port_level level, const char *word, int32_t a, int32_t b);

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

static uint32_t console_read(void *ctx, uint8_t *out, uint32_t len)
{
    ssize_t n = read(console, out, len);
    (void)ctx;
    return n > 0 ? (uint32_t)n : 0;
}

/* As ESP_LOG prints it on a board's console. */
static void log_both(void *ctx, port_level level, const char *word, int32_t a, int32_t b)
{
    char text[80];
    int n = snprintf(text, sizeof text, "%c (0) qres: %s %ld %ld\r\n", "EWI"[level], word, (long)a,
                     (long)b);
    if (write(console, text, (size_t)n) != n) {
        /* nobody reads: lost, as on a board */
    }
    log_to_host(ctx, level, word, a, b);
}

static void open_console(const char *path, port *p)
{
    struct termios raw;
    console = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (console < 0 || tcgetattr(console, &raw) != 0) {
        fail(path);
    }
    cfmakeraw(&raw);
    if (tcsetattr(console, TCSANOW, &raw) != 0) {
        fail(path);
    }
    log_to_host = p->log;
    p->log = log_both;
    p->console_read = console_read;
}

int main(int argc, char **argv)
{
    int fd;
    int file;
    uint8_t *flash;
    port p;
    link_pipe pipe = {&fd, write_all, read_all, no_count, no_stack, leave, again};
    arguments = argv;
    if ((argc != 3 && argc != 4) || (fd = atoi(argv[2])) <= 2) {
        fprintf(stderr, "usage: qres_node FLASH FD [TTY], with a descriptor above 2\n");
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
    if (argc == 4) {
        open_console(argv[3], &p);
    }
    return app_run(&node, &p) == 0 ? 0 : 1;
}
