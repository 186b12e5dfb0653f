/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gauges and plausibility checks, one by one. Ends with 1 at the first fact that is not true.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gauges.h"
#include "quality.h"
#include "time_line.h"

#define Q16(x) ((int32_t)((x) * 65536))
#define MINUTE 60000000ull
#define FACT(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #x);                      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static sensor_raw counters(uint32_t pulses, uint32_t tips)
{
    sensor_raw raw = SENSOR_RAW_NONE;
    raw.has_wind = 1;
    raw.has_rain = 1;
    raw.wind_pulses = pulses;
    raw.rain_tips = tips;
    return raw;
}

static void look(gauges *g, uint64_t now, uint32_t pulses, uint32_t tips)
{
    sensor_raw raw = counters(pulses, tips);
    gauges_look(g, now, &raw, 200);
}

/* 600 m of wind run in 10 min are 1 m/s, whatever came before, and over the counter's end. */
static void wind_is_the_run_of_ten_minutes(void)
{
    gauges g;
    uint32_t pulses;
    uint32_t span_s;
    gauges_init(&g, 0);
    look(&g, 0, UINT32_MAX - 9, 0);
    FACT(gauges_wind_q16(&g, 100000, 0, &pulses, &span_s) == QRES_MISSED);
    look(&g, 5 * MINUTE, UINT32_MAX - 9, 0);
    FACT(gauges_wind_q16(&g, 100000, 0, &pulses, &span_s) == QRES_MISSED);
    look(&g, 10 * MINUTE, 5990, 0);
    FACT(gauges_wind_q16(&g, 100000, 0, &pulses, &span_s) == Q16(1));
    FACT(pulses == 6000 && span_s == 600);
    /* the younger part only: 5 min of calm before, 10 min back is what counts */
    look(&g, 15 * MINUTE, 5990 + 6000, 0);
    FACT(gauges_wind_q16(&g, 100000, 0, &pulses, &span_s) == Q16(2));
    /* an anemometer's offset counts only while it turns */
    FACT(gauges_wind_q16(&g, 100000, 500000, &pulses, &span_s) == Q16(2.5));
    for (uint64_t t = 20; t <= 40; t += 5) {
        look(&g, t * MINUTE, 11990, 0);
    }
    FACT(gauges_wind_q16(&g, 100000, 500000, &pulses, &span_s) == 0);
}

static void a_clock_that_is_set_moves_no_wind(void)
{
    gauges g;
    uint32_t pulses;
    uint32_t span_s;
    gauges_init(&g, 0);
    look(&g, 100 * MINUTE, 0, 0);
    gauges_clock_step(&g, -50 * (int64_t)MINUTE);
    look(&g, 60 * MINUTE, 6000, 0);
    FACT(gauges_wind_q16(&g, 100000, 0, &pulses, &span_s) == Q16(1));
}

static void a_gauge_that_is_gone_measures_nothing(void)
{
    gauges g;
    uint32_t pulses;
    uint32_t span_s;
    sensor_raw none = SENSOR_RAW_NONE;
    gauges_init(&g, 0);
    look(&g, 0, 0, 0);
    look(&g, 10 * MINUTE, 60, 0);
    gauges_look(&g, 11 * MINUTE, &none, 200);
    FACT(gauges_wind_q16(&g, 100000, 0, &pulses, &span_s) == QRES_MISSED);
}

/* Rain is what fell since it was installed; a counter's first value is no rain. */
static void rain_accumulates(void)
{
    gauges g;
    gauges_init(&g, 1000);
    look(&g, 0, 0, 4000000000u);
    FACT(gauges_rain_q16(&g) == Q16(1));
    look(&g, MINUTE, 0, 4000000005u);
    FACT(gauges_rain_q16(&g) == Q16(2));
    look(&g, 2 * MINUTE, 0, 4000000005u);
    FACT(gauges_rain_q16(&g) == Q16(2));
    gauges_init(&g, GAUGES_RAIN_MODULO_UM - 200);
    look(&g, 0, 0, UINT32_MAX);
    look(&g, MINUTE, 0, 1);
    FACT(gauges_rain_q16(&g) == 13107 || gauges_rain_q16(&g) == 13108);
}

static int32_t judge(quality *q, uint32_t c, uint64_t minute, int32_t x, int32_t again)
{
    return quality_judge(q, c, Q16(-60), Q16(100), minute * MINUTE, x, again);
}

static void impossible_values_are_refused(void)
{
    quality q;
    quality_init(&q);
    FACT(judge(&q, 0, 0, Q16(-61), Q16(-61)) == QRES_MISSED);
    FACT(judge(&q, 0, 0, Q16(101), Q16(101)) == QRES_MISSED);
    FACT(judge(&q, 0, 0, QRES_MISSED, QRES_MISSED) == QRES_MISSED);
    FACT(judge(&q, 0, 0, Q16(20), Q16(20)) == Q16(20));
    FACT(q.channel[0].refused == 2);
}

/* A fire front is believed, a spike is not. */
static void a_jump_needs_a_second_reading(void)
{
    quality q;
    quality_init(&q);
    FACT(!quality_is_jump(&q, 0, Q16(60)));
    FACT(judge(&q, 0, 0, Q16(20), Q16(20)) == Q16(20));
    FACT(!quality_is_jump(&q, 0, Q16(26)));
    FACT(quality_is_jump(&q, 0, Q16(60)));
    FACT(judge(&q, 0, 10, Q16(60), Q16(20)) == QRES_MISSED);
    FACT(judge(&q, 0, 20, Q16(60), QRES_MISSED) == QRES_MISSED);
    FACT(judge(&q, 0, 30, Q16(60), Q16(60.5)) == Q16(60));
    FACT(!quality_is_jump(&q, 0, Q16(58)));
}

static void a_value_that_never_moves_is_a_dead_part(void)
{
    quality q;
    quality_init(&q);
    for (uint64_t minute = 0; minute < 360; minute += 10) {
        FACT(judge(&q, 0, minute, Q16(20), Q16(20)) == Q16(20));
        FACT(judge(&q, 1, minute, Q16(100), Q16(100)) == Q16(100));
    }
    FACT(judge(&q, 0, 360, Q16(20), Q16(20)) == QRES_MISSED);
    FACT(judge(&q, 1, 360, Q16(100), Q16(100)) == Q16(100)); /* fog */
    FACT(judge(&q, 0, 370, Q16(20) + 1, Q16(20) + 1) == Q16(20) + 1);
    for (uint64_t minute = 0; minute < 7 * 1440; minute += 60) {
        FACT(judge(&q, 2, minute, 0, 0) == 0); /* a calm */
    }
    FACT(judge(&q, 2, 7 * 1440, 0, 0) == QRES_MISSED);
}

/* The last result of a line's bytes; `us` as it was then. */
static int line_result(const char *text, uint64_t *us)
{
    time_line line = {{0}, 0};
    int rc = TIME_LINE_NONE;
    for (const char *c = text; *c != 0; c++) {
        int now = time_line_take(&line, (uint8_t)*c, us);
        rc = now != TIME_LINE_NONE ? now : rc;
    }
    return rc;
}

/* CRC-16/CCITT-FALSE: that of "123456789" is 29b1. These are from Python's binascii.crc_hqx. */
static void a_time_is_believed_by_its_checksum(void)
{
    uint64_t us = 0;
    FACT(line_result("time 1790000000000000 31cd\n", &us) == TIME_LINE_OK);
    FACT(us == 1790000000000000u);
    FACT(line_result("\r\ntime 1790000000000000 31CD\r\n", &us) == TIME_LINE_OK);
    FACT(line_result("000000000000000000000000000 31cd\ntime 1790000000000000 31cd\n", &us)
         == TIME_LINE_OK);
    us = 7;
    FACT(line_result("time 1790000000000001 31cd\n", &us) == TIME_LINE_CRC);
    FACT(line_result("time 1790000000000000 31ce\n", &us) == TIME_LINE_CRC);
    FACT(line_result("time 1790000000000000\n", &us) == TIME_LINE_FORMAT);
    FACT(line_result("time  31cd\n", &us) == TIME_LINE_FORMAT);
    FACT(line_result("time 179000000000000x 31cd\n", &us) == TIME_LINE_FORMAT);
    FACT(line_result("time 1790000000000000 31cg\n", &us) == TIME_LINE_FORMAT);
    FACT(line_result("time 1790000000000000 31cd0\n", &us) == TIME_LINE_FORMAT);
    FACT(line_result("time 179000000000000012 31cd\n", &us) == TIME_LINE_FORMAT);
    FACT(line_result("time 1790000000000000 31cd 1790000000000000 31cd\n", &us)
         == TIME_LINE_FORMAT);
    FACT(line_result("ime 1790000000000000 31cd\n", &us) == TIME_LINE_NONE);
    FACT(line_result("time 1790000000000000 31cd", &us) == TIME_LINE_NONE);
    FACT(line_result("\n\n", &us) == TIME_LINE_NONE);
    FACT(us == 7);
}

int main(void)
{
    wind_is_the_run_of_ten_minutes();
    a_clock_that_is_set_moves_no_wind();
    a_gauge_that_is_gone_measures_nothing();
    rain_accumulates();
    impossible_values_are_refused();
    a_jump_needs_a_second_reading();
    a_value_that_never_moves_is_a_dead_part();
    a_time_is_believed_by_its_checksum();
    return 0;
}
