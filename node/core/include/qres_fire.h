/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qres_fire.h - fire weather in integers, SPEC 5.5.
 *
 * Numbers are Q16.16 in the unit that the name ends with. Part of qres.h; needs nothing of it.
 */
#ifndef QRES_FIRE_H
#define QRES_FIRE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */
/* What fire weather takes a channel for: bits 2..4 of qres_channel.flags. */
enum { QRES_ROLE_TEMP = 4, QRES_ROLE_RH = 8, QRES_ROLE_WIND = 12, QRES_ROLE_RAIN = 16 };

enum { QRES_CALM, QRES_WATCH, QRES_RED };                               /* regime */
enum { QRES_CAUSE_NONE, QRES_CAUSE_WEATHER, QRES_CAUSE_HEAT, QRES_CAUSE_SENSOR };

/* What the field has learned of its weather: replicated, SPEC 4. */
typedef struct {
    uint8_t days;                /* snaps so far, at most 255 */
    uint8_t regime;              /* QRES_CALM.. */
    uint8_t lull;                /* hours in a row below the regime, 0..5 */
    int32_t usual[8], spread[8]; /* drying power of the field by 3 hours of the day, log2 */
    int32_t apart[2][4];         /* [degC, %] departure from neighbours, by 6 hours of the day */
    int32_t rare[2][3];          /* statistics exceeded once in 10, 100, 1000 hours: climate, departure */
} qres_fire_block;

/* log2(x / 65536) of 1 <= x < 2^40. */
int32_t qres_lg2(int64_t x);

/* 2^(y / 65536), y <= 20 * 65536. */
int64_t qres_ex2(int64_t y);

/* Vapour pressure deficit [kPa] of air at temp [degC] and rh [%]; both are bounded to -60..85 and 0..100. */
int32_t qres_vpd_kpa(int32_t temp_degc, int32_t rh_pct);

/* FFMC, 0..101, of litter with a moisture of 0..250 [% of its dry weight]. */
int32_t qres_ffmc(int32_t fuel_pct);

/* Moisture of litter [%] after an hour of this weather; rain [mm] is that of the hour, 0 or more. */
int32_t qres_fuel_hour(int32_t fuel_pct, int32_t temp_degc, int32_t rh_pct, int32_t wind_m_s,
                       int32_t rain_mm);

/* Initial Spread Index, 0 or more; wind above 100 km/h counts as 100. */
int32_t qres_isi(int32_t fuel_pct, int32_t wind_m_s);

/* 0..100 (Q16.16): 25 points for each power of ten of rarity. */
int32_t qres_grade(int32_t statistic, const int32_t *rare);
/* cffi: end */

#ifdef __cplusplus
}
#endif

#endif /* QRES_FIRE_H */
