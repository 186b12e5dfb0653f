/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pulse.h - a reed contact or Hall switch that closes once a turn or once a tip.
 *
 * Sees levels, not edges: it may be fed from an interrupt, after a wake-up, or by polling, in
 * any mixture. What a pulse is worth is the site's matter (gauges.toml, provision.h).
 */
#ifndef QRES_PULSE_H
#define QRES_PULSE_H

#include <stdint.h>

/* cffi: begin */
/* Keep it in memory that outlives deep sleep; zero it at a cold start. */
typedef struct {
    uint64_t closed_us; /* [us] when the contact was last seen to close */
    uint64_t open_us;   /* [us] when it was last seen to open */
    uint32_t count;     /* closures, modulo 2^32 */
    uint32_t bounces;   /* closures that were none; a health figure: many mean a worn contact or noise */
    uint8_t closed;     /* 1: closed when last seen */
} pulse;

/*
 * The contact is now closed (1) or open (0).
 *
 * A closure counts if the contact had been open for `debounce_us`, and the last counted closure
 * lies that long back. A clock that was stepped back counts the closure, too.
 */
void pulse_level(pulse *p, int closed, uint64_t now_us, uint32_t debounce_us);
/* cffi: end */

#endif /* QRES_PULSE_H */
