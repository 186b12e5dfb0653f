/* SPDX-License-Identifier: Apache-2.0 */
/* `simcall` 4 of QEMU's Xtensa simulator board writes to a file of the host. */
#include "port.h"

#include <stdint.h>

enum { SYS_WRITE = 4, STDOUT = 1 };

void port_say(const char *text)
{
    register uint32_t a2 __asm__("a2") = SYS_WRITE;
    register uint32_t a3 __asm__("a3") = STDOUT;
    register const char *a4 __asm__("a4") = text;
    register uint32_t a5 __asm__("a5") = 0;
    while (text[a5] != '\0') {
        a5++;
    }
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
}
