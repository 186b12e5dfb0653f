/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formulas of fire weather in integers (SPEC 5.5): no state, no site.
 */
#include "core.h"

enum {
    TEMP_MIN = -60 * 65536,      /* [Q16.16 degC] what the formulas are used for */
    TEMP_MAX = 85 * 65536,
    RH_MAX = 100 * 65536,
    WIND_MAX = 75 * 65536,       /* [Q16.16 m/s] */
    RAIN_MAX = 100 * 65536,      /* [Q16.16 mm] of an hour */
    ISI_WIND_MAX = 100 * 65536,  /* [Q16.16 km/h] */
    FUEL_MIN = 4096              /* [Q16.16 %] 1/16: FFMC 100.9 */
};

/* a * c with c in Q24. */
static int64_t mul(int64_t a, int64_t c)
{
    return fx_rsh(a * c, 24);
}

static int64_t power(int64_t x, int64_t a)
{
    return qres_ex2(mul(qres_lg2(x < 1 ? 1 : x), a));
}

static int64_t wind_km_h(int32_t wind_m_s)
{
    return mul(fx_clip(wind_m_s, 0, WIND_MAX), 60397978);
}

int32_t qres_vpd_kpa(int32_t temp_degc, int32_t rh_pct)
{
    int64_t t = fx_clip(temp_degc, TEMP_MIN, TEMP_MAX);
    int64_t h = fx_clip(rh_pct, 0, RH_MAX);
    int64_t saturation = fx_rsh(40023 * qres_ex2(fx_rdiv(1632794 * t, 15551693 + t)), 16);
    return (int32_t)fx_rdiv(saturation * (RH_MAX - h), RH_MAX);
}

int32_t qres_ffmc(int32_t fuel_pct)
{
    return fx_clip32(fx_rdiv(INT64_C(3899392) * (FUEL_MAX - (int64_t)fuel_pct), INT64_C(9651961) + fuel_pct),
                     0, 101 * 65536);
}

static int64_t wetted(int64_t m, int64_t rain_mm)
{
    int64_t r = rain_mm < RAIN_MAX ? rain_mm : RAIN_MAX;
    int64_t a = qres_ex2(-fx_rdiv(INT64_C(9454846) * 65536, 251 * 65536 - m));
    int64_t b = 65536 - qres_ex2(-fx_rdiv(INT64_C(655221) * 65536, r));
    int64_t gain = fx_rsh(fx_rsh(fx_rsh(2785280 * r, 16) * a, 16) * b, 16);
    if (m > 150 * 65536) {
        int64_t d = m - 150 * 65536;
        gain += fx_rsh(mul(fx_rsh(d * d, 16), 25166) * qres_isqrt((uint64_t)r * 65536), 16);
    }
    return m + gain < FUEL_MAX ? m + gain : FUEL_MAX;
}

int32_t qres_fuel_hour(int32_t fuel_pct, int32_t temp_degc, int32_t rh_pct, int32_t wind_m_s,
                       int32_t rain_mm)
{
    int64_t m = rain_mm > 0 ? wetted(fuel_pct, rain_mm) : fuel_pct;
    int64_t t = fx_clip(temp_degc, TEMP_MIN, TEMP_MAX);
    int64_t h = fx_clip(rh_pct, 0, RH_MAX);
    int64_t bend = qres_ex2(mul(h - RH_MAX, 2420441));
    int64_t warmth = fx_rsh(mul(1382810 - t, 3019899) * (65536 - qres_ex2(-mul(h, 2783507))), 16);
    int64_t dry_to = mul(power(h, 11391730), 15804137) + 11 * bend + warmth;
    int64_t wet_to = mul(power(h, 12633244), 10368319) + 10 * bend + warmth;
    int64_t to;
    int64_t x = fx_rdiv(h, 100);
    int64_t x8;
    int64_t f;
    int64_t k;
    wet_to = wet_to < dry_to ? wet_to : dry_to;
    if (m > dry_to) {
        to = dry_to;
    } else if (m < wet_to) {
        to = wet_to;
        x = 65536 - x;
    } else {
        return fx_clip32(m, FUEL_MIN, FUEL_MAX);
    }
    x8 = fx_rsh(x * x, 16);
    x8 = fx_rsh(x8 * x8, 16);
    x8 = fx_rsh(x8 * x8, 16);
    f = mul(65536 - power(x, 28521267), 7113540)
        + fx_rsh(mul(qres_isqrt((uint64_t)wind_km_h(wind_m_s) * 65536), 1164339) * (65536 - x8), 16);
    k = fx_rsh(mul(qres_ex2(mul(t, 883461)), 3226924) * f, 16);
    return fx_clip32(to + fx_rsh((m - to) * qres_ex2(-k), 16), FUEL_MIN, FUEL_MAX);
}

int32_t qres_isi(int32_t fuel_pct, int32_t wind_m_s)
{
    int64_t v = wind_km_h(wind_m_s);
    int64_t y = mul(v < ISI_WIND_MAX ? v : ISI_WIND_MAX, 1219660) - mul(fuel_pct, 3354731);
    int64_t wet = y + mul(qres_lg2(fuel_pct < 1 ? 1 : fuel_pct), 89087017) - 1674778;
    return fx_saturate(fx_rsh(1252734 * (qres_ex2(y) + qres_ex2(wet)), 16));
}
