/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start and end on a Cortex-M of QEMU's mps2 boards. Arm's semihosting takes text and exit code.
 */
#include "port.h"

#include <stdint.h>

int main(void);
void reset(void);
void fault(void);

extern uint32_t stack_top[], data_start[], data_end[], data_load[], bss_start[], bss_end[];

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (const void *)reset, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault};

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };

static void call_host(uint32_t what, const volatile void *block)
{
    register uint32_t r0 __asm__("r0") = what;
    register const volatile void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void port_say(const char *text)
{
    call_host(SYS_WRITE0, text);
}

/* ADP_Stopped_ApplicationExit. */
static void leave(int code)
{
    volatile uint32_t block[2] = {0x20026u, (uint32_t)code};
    call_host(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

void fault(void)
{
    leave(254);
}

void reset(void)
{
    uint32_t *from = data_load;
    for (uint32_t *p = data_start; p < data_end; p++) {
        *p = *from++;
    }
    for (uint32_t *p = bss_start; p < bss_end; p++) {
        *p = 0;
    }
    leave(main());
}
