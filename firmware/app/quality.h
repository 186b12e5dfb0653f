/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quality.h - is a reading possible? Asked at the source, before it can become
 * a report.
 *
 * Three checks, after the WMO's guidelines for automatic stations (I. Zahumensky,
 * 2004: plausible value, time consistency, minimum variability), with one
 * departure: a fire front does make temperature jump. A jump is therefore not
 * refused but measured again, and believed if it is still there.
 */
#ifndef QRES_APP_QUALITY_H
#define QRES_APP_QUALITY_H

#include "port.h"

/* What the checks remember of a channel. Values Q16.16. */
typedef struct {
    int32_t last;         /* last accepted value, QRES_MISSED before the first */
    int32_t same;         /* the value that is being repeated exactly */
    uint64_t same_us;     /* [us] since when */
    uint32_t refused;     /* how often, since start */
} quality_channel;

typedef struct {
    quality_channel channel[QRES_MAX_CHANNELS];
} quality;

/* Limits of one channel, Q16.16 in its unit. */
typedef struct {
    int32_t jump;          /* a larger step between two samples is measured again; 0: no rule */
    int32_t agree;         /* the second reading lies that near the first */
    uint32_t stuck_s;      /* [s] the same to the last bit for so long is a dead part; 0: no rule */
    int32_t exempt_lo, exempt_hi; /* but not at or beyond these, where the truth may rest */
} quality_limits;

/* Limits of channel c of the fire-weather table (SPEC 2.1); no rule for others. */
quality_limits quality_limits_of(uint32_t c);

void quality_init(quality *q);

/* The clock was set by `step_us`. */
void quality_clock_step(quality *q, int64_t step_us);

/* 1 if `x` differs from the last accepted value by more than the channel's jump: measure again. */
int quality_is_jump(const quality *q, uint32_t c, int32_t x);

/*
 * Judge one reading.
 *   x, again  in  [Q16.16] the reading, and a second one if it was a jump, else the same;
 *                 QRES_MISSED if there is none
 *   lo, hi    in  [Q16.16] physical range of the channel
 * Returns `x` if it is believed, else QRES_MISSED.
 */
int32_t quality_judge(quality *q, uint32_t c, int32_t lo, int32_t hi, uint64_t now_us, int32_t x,
                      int32_t again);

#endif /* QRES_APP_QUALITY_H */
