/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gauges.h - wind and rain from pulse counters.
 *
 * Wind is the run of 10 min divided by 10 min (WMO-No. 8, volume I, chapter 5: the averaging
 * period of surface wind), taken at the moments at which the node wakes up anyway. Rain is what
 * has fallen since the gauge was installed, modulo 6500 mm, so that a lost report loses no rain.
 */
#ifndef QRES_APP_GAUGES_H
#define QRES_APP_GAUGES_H

#include "port.h"

#define GAUGES_MARKS 16
#define GAUGES_MEAN_US 600000000u /* [us] 10 min */
#define GAUGES_RAIN_MODULO_UM 6500000u

typedef struct {
    uint64_t time_us;
    uint32_t pulses;
} gauges_mark;

typedef struct {
    gauges_mark mark[GAUGES_MARKS]; /* a ring, newest at `newest` */
    uint32_t newest, count;
    uint32_t tips;      /* counter at the last look */
    uint8_t has_tips;   /* 0 before the first look */
    uint64_t rain_um;   /* [um] accumulated, below the modulo */
} gauges;

/* `rain_um` [um] is what had fallen before the start. */
void gauges_init(gauges *g, uint64_t rain_um);

/* Note the counters at `now_us`. */
void gauges_look(gauges *g, uint64_t now_us, const sensor_raw *raw, uint32_t um_per_tip);

/* The clock was set by `step_us`. */
void gauges_clock_step(gauges *g, int64_t step_us);

/*
 * Mean wind up to the last look [Q16.16 m/s], QRES_MISSED if the looks span less than 9 min.
 *   um_per_pulse, offset_um_s  in  of the anemometer; the offset counts while it turns
 *   pulses, span_s             out what it is the mean of
 */
int32_t gauges_wind_q16(const gauges *g, uint32_t um_per_pulse, uint32_t offset_um_s,
                        uint32_t *pulses, uint32_t *span_s);

/* Accumulated rain [Q16.16 mm]. */
int32_t gauges_rain_q16(const gauges *g);

#endif /* QRES_APP_GAUGES_H */
