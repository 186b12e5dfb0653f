/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/time.h>

#include "esp_attr.h"
#include "node.h"

#define MARK 0x51434c4bu          /* "QCLK": the clock was set since the cold start */
/*
 * The RC oscillator that keeps time in deep sleep is calibrated before each sleep. Half a second in
 * 900 s asks for 550 ppm: not measured on hardware.
 */
#define TRUSTED_SLEEP_US 900000000u

static RTC_NOINIT_ATTR struct {
    uint32_t mark, inverse;
    uint64_t asleep_us; /* when the last deep sleep began, 0 none */
} s_kept;

uint64_t node_now_us(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_usec;
}

void node_set_clock(uint64_t now_us)
{
    const struct timeval now = {.tv_sec = (time_t)(now_us / 1000000u),
                                .tv_usec = (suseconds_t)(now_us % 1000000u)};

    settimeofday(&now, NULL);
    s_kept.mark = MARK;
    s_kept.inverse = ~MARK;
    s_kept.asleep_us = 0;
}

void node_clock_before_deep_sleep(void)
{
    s_kept.asleep_us = node_now_us();
}

port_clock node_clock_at_start(port_reset reset)
{
    if (s_kept.mark != MARK || s_kept.inverse != ~MARK || reset == PORT_RESET_POWER_ON ||
        reset == PORT_RESET_BROWN_OUT) {
        s_kept.mark = 0;
        return PORT_CLOCK_LOST;
    }
    if (reset == PORT_RESET_DEEP_SLEEP && node_now_us() - s_kept.asleep_us > TRUSTED_SLEEP_US) {
        return PORT_CLOCK_LOST;
    }
    return PORT_CLOCK_KEPT;
}
