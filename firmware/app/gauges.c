/* SPDX-License-Identifier: Apache-2.0 */
#include "gauges.h"

#define SPAN_MIN_US 540000000u   /* 9 min: a wake-up may come early */
#define SPAN_MAX_US 86400000000u /* a day: a clock that jumped, or a node that was off */

void gauges_init(gauges *g, uint64_t rain_um)
{
    *g = (gauges){0};
    g->rain_um = rain_um % GAUGES_RAIN_MODULO_UM;
}

void gauges_look(gauges *g, uint64_t now_us, const sensor_raw *raw, uint32_t um_per_tip)
{
    if (raw->has_rain) {
        if (g->has_tips) {
            uint64_t fallen = (uint64_t)(raw->rain_tips - g->tips) * um_per_tip;
            g->rain_um = (g->rain_um + fallen % GAUGES_RAIN_MODULO_UM) % GAUGES_RAIN_MODULO_UM;
        }
        g->tips = raw->rain_tips;
        g->has_tips = 1;
    }
    if (!raw->has_wind) {
        g->count = 0;
        return;
    }
    if (g->count > 0 && now_us <= g->mark[g->newest].time_us) {
        return; /* twice in one moment */
    }
    g->newest = (g->newest + 1) % GAUGES_MARKS;
    g->mark[g->newest].time_us = now_us;
    g->mark[g->newest].pulses = raw->wind_pulses;
    g->count += g->count < GAUGES_MARKS;
}

void gauges_clock_step(gauges *g, int64_t step_us)
{
    for (uint32_t i = 0; i < GAUGES_MARKS; i++) {
        g->mark[i].time_us += (uint64_t)step_us;
    }
}

int32_t gauges_wind_q16(const gauges *g, uint32_t um_per_pulse, uint32_t offset_um_s,
                        uint32_t *pulses, uint32_t *span_s)
{
    const gauges_mark *end = &g->mark[g->newest];
    uint64_t span_us = 0;
    uint64_t um_s;
    *pulses = 0;
    *span_s = 0;
    /* The youngest look that is old enough. */
    for (uint32_t back = 1; back < g->count && span_us < SPAN_MIN_US; back++) {
        const gauges_mark *m = &g->mark[(g->newest + GAUGES_MARKS - back) % GAUGES_MARKS];
        span_us = end->time_us - m->time_us;
        *pulses = end->pulses - m->pulses;
    }
    if (span_us < SPAN_MIN_US || span_us > SPAN_MAX_US) {
        return QRES_MISSED;
    }
    *span_s = (uint32_t)(span_us / 1000000u);
    um_s = (uint64_t)*pulses * um_per_pulse / *span_s + (*pulses != 0 ? offset_um_s : 0);
    /* 1000 m/s is no wind: let the range check say so, without overflow. */
    um_s = um_s > 1000000000u ? 1000000000u : um_s;
    return (int32_t)((um_s * 65536u + 500000u) / 1000000u);
}

int32_t gauges_rain_q16(const gauges *g)
{
    return (int32_t)((g->rain_um * 65536u + 500u) / 1000u);
}
