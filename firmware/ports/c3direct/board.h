/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h - what the self-test needs of an ESP32-C3, without ESP-IDF. Not measured on hardware.
 */
#ifndef QRES_C3_BOARD_H
#define QRES_C3_BOARD_H

#include <stddef.h>
#include <stdint.h>

#define BOARD_TICKS_PER_US 16u /* SYSTIMER, from the crystal, whatever the CPU's clock is */

/*
 * Watchdogs off, CPU on the 40 MHz crystal, timer running. Called before .bss and .data exist:
 * uses neither.
 */
void board_start(void);

/* SYSTIMER, low half: wraps after 268 s. [1/16 us] */
uint32_t board_ticks(void);

/* Wait. `us` is at most 200 s. */
void board_wait_us(uint32_t us);

/* Bytes to UART0 and to USB. What nobody takes within 50 ms is dropped. */
void board_put(const char *text, size_t len);

/* What the one performance counter of the CPU counts: bits of mpcer. */
enum { BOARD_CYCLES = 1, BOARD_INSTRUCTIONS = 2 };

/*
 * Count from 0. CSRs of the C3's CPU: 0x7e0 mpcer (events), 0x7e1 mpcmr (bit 0: count),
 * 0x7e2 mpccr (the count). Source: ESP32-C3 TRM, 1.4; ESP-IDF, riscv/rv_utils.h.
 */
static inline void board_count(uint32_t event)
{
    __asm__ volatile("csrwi 0x7e1, 0\n\tcsrw 0x7e0, %0\n\tcsrwi 0x7e2, 0\n\tcsrwi 0x7e1, 1"
                     :
                     : "r"(event)
                     : "memory");
}

static inline void board_count_end(void)
{
    __asm__ volatile("csrwi 0x7e1, 0" ::: "memory");
}

static inline uint32_t board_counted(void)
{
    uint32_t n;
    __asm__ volatile("csrr %0, 0x7e2" : "=r"(n)::"memory");
    return n;
}

#endif /* QRES_C3_BOARD_H */
