/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application on bare RV32IMC, the instruction set of ESP32-C3 and C6, in QEMU's virt machine.
 */
#include "app.h"
#include "link.h"
#include "virtio.h"

#define FLASH_BASE 0x80300000u /* behind what virt.ld uses; QEMU loads an image there */
#define PAINT 0x5a5a5a5au

extern uint32_t stack_low[], stack_top[];
void _start(void);
void leave(int unused, int code);
int main(void);

static app node;
static node_link to_host;
static virtio_console console;

static uint64_t instructions(void *ctx)
{
    uint32_t low;
    uint32_t high;
    uint32_t again;
    (void)ctx;
    do {
        __asm__ volatile("csrr %0, minstreth\n\tcsrr %1, minstret\n\tcsrr %2, minstreth"
                         : "=r"(high), "=r"(low), "=r"(again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

static uint32_t stack_used(void *ctx)
{
    const uint32_t *p = stack_low;
    (void)ctx;
    while (p < stack_top && *p == PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)stack_top - (uintptr_t)p);
}

static void quit(void *ctx)
{
    (void)ctx;
    leave(0, 0);
}

static void restart(void *ctx)
{
    (void)ctx;
    _start();
}

int main(void)
{
    const link_pipe pipe = {&console, virtio_write, virtio_read, instructions,
                            stack_used, quit, restart};
    port p;
    if (virtio_open(&console) != 0) {
        return 2;
    }
    link_port(&to_host, &pipe, (uint8_t *)(uintptr_t)FLASH_BASE, &p);
    return app_run(&node, &p) == 0 ? 0 : 1;
}
