/* SPDX-License-Identifier: Apache-2.0 */
#include "quality.h"

#define Q16(x) ((int32_t)(x) * 65536)
#define DAY_S 86400u

/*
 * By channel: temp, rh, wind, rain. Jumps: the WMO's guidelines call 3 degC and 10 % between one-minute
 * values suspect; samples here are an epoch apart, so twice that. Rain: 30 mm is more than the
 * wettest 10 min on record nearly anywhere. Stuck: resolution is 0.01 degC and 0.01 %, so a live
 * part does not repeat a value for 6 h; in saturated air it may rest at 100 %. A calm of 7 days
 * is a stuck cup.
 */
quality_limits quality_limits_of(uint32_t c)
{
    static const quality_limits limits[4] = {
        {Q16(6), Q16(1), 6u * 3600u, Q16(-100), Q16(150)},
        {Q16(20), Q16(4), 6u * 3600u, Q16(1), Q16(99)},
        {0, 0, 7u * DAY_S, Q16(-1), Q16(100)},
        {Q16(30), Q16(1), 0, 0, 0}};
    static const quality_limits none = {0, 0, 0, 0, 0};
    return c < sizeof limits / sizeof limits[0] ? limits[c] : none;
}

void quality_init(quality *q)
{
    *q = (quality){0};
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        q->channel[c].last = QRES_MISSED;
        q->channel[c].same = QRES_MISSED;
    }
}

void quality_clock_step(quality *q, int64_t step_us)
{
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        q->channel[c].same_us += (uint64_t)step_us;
    }
}

static int64_t distance(int32_t a, int32_t b)
{
    int64_t d = (int64_t)a - b;
    return d < 0 ? -d : d;
}

int quality_is_jump(const quality *q, uint32_t c, int32_t x)
{
    int32_t jump = quality_limits_of(c).jump;
    int32_t last = q->channel[c].last;
    return jump != 0 && x != QRES_MISSED && last != QRES_MISSED && distance(x, last) > jump;
}

static int is_stuck(quality_channel *k, const quality_limits *l, uint64_t now_us, int32_t x)
{
    if (x != k->same || now_us < k->same_us) {
        k->same = x;
        k->same_us = now_us;
    }
    return l->stuck_s != 0 && x > l->exempt_lo && x < l->exempt_hi
           && now_us - k->same_us >= (uint64_t)l->stuck_s * 1000000u;
}

int32_t quality_judge(quality *q, uint32_t c, int32_t lo, int32_t hi, uint64_t now_us, int32_t x,
                      int32_t again)
{
    quality_channel *k = &q->channel[c];
    quality_limits l = quality_limits_of(c);
    if (x == QRES_MISSED) {
        return QRES_MISSED;
    }
    if (is_stuck(k, &l, now_us, x) || x < lo || x > hi
        || (quality_is_jump(q, c, x)
            && (again == QRES_MISSED || distance(again, x) > l.agree))) {
        k->refused++;
        return QRES_MISSED;
    }
    k->last = x;
    return x;
}
