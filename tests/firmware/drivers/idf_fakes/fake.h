/* SPDX-License-Identifier: Apache-2.0 */
/* What a test sets and sees of the faked board. */
#ifndef FAKE_BOARD_H
#define FAKE_BOARD_H

#include <stdint.h>

/* cffi: begin */
typedef struct { uint64_t at_us; int pin, level; } fake_change;
typedef struct {
    uint64_t uptime_us, unix_offset_us, timer_us, wake_mask, fed_us;
    fake_change plan[64]; /* in order of time */
    int planned, plan_at, notified, isr_service, isr_flags, handlers_in_iram, held, released, released_by_sleep, wake_high;
    int naps, deep_sleeps, fed, logged, spi, ota_pending, confirmed, reset;
    uint8_t level[64], mode[64], pull_up[64];
    uint8_t rx[128]; /* what came over the serial line */
    int rx_bytes;
    uint8_t flash[16384];
    int mv[64];
} fake_board;
extern fake_board fake;
void fake_start(void);
void fake_lose_rtc(void); /* the memory that outlives a reset holds anything, as after power-on */
void fake_set_pin(int n, int level);
void fake_plan(uint64_t at_us, int n, int level);
/* cffi: end */

#endif /* FAKE_BOARD_H */
