/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sensors to the four channels of the fire-weather table, and the battery if the site has it.
 */
#include "app_internal.h"

enum {
    TEMP = 0,
    RH = 1,
    WIND = 2,
    RAIN = 3,
    BATTERY = 4, /* the fifth channel of a site that has one, SPEC 2.1 [mV] */
    JUMP_WAIT_US = 50000
};
#define SAVE_EVERY_US (6 * (uint64_t)HOUR_US) /* keeps the clock's lower bound fresh */

static const sensor_raw nothing = SENSOR_RAW_NONE;

void app_look(app *a)
{
    sensor_raw raw = nothing;
    a->port->count(a->port->ctx, &raw);
    gauges_look(&a->gauges, app_now(a), &raw, a->port->fitted.rain_um_per_tip);
    app_retain(a);
}

static void channels_of(const app *a, const sensor_raw *raw, int32_t x[QRES_MAX_CHANNELS],
                        uint32_t *pulses, uint32_t *span_s)
{
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        x[c] = QRES_MISSED;
    }
    x[TEMP] = raw->temp_degc;
    x[RH] = raw->rh_pct;
    x[WIND] = gauges_wind_q16(&a->gauges, a->port->fitted.wind_um_per_pulse,
                              a->port->fitted.wind_offset_um_s, pulses, span_s);
    x[RAIN] = raw->has_rain ? gauges_rain_q16(&a->gauges) : QRES_MISSED;
    if (a->field.site.n_channels > BATTERY && raw->battery_v != SENSOR_MISSED) {
        int64_t mv = (int64_t)raw->battery_v * 1000;
        x[BATTERY] = (int32_t)(mv < 0 ? 0 : mv > INT32_MAX ? INT32_MAX : mv);
    }
}

/* Q16.16 times `factor`, as a 16-bit number for the raw log. */
static uint16_t scaled(int32_t x, int32_t factor, uint16_t missing)
{
    int64_t y = ((int64_t)x * factor + 32768) >> 16;
    if (x == QRES_MISSED) {
        return missing;
    }
    return (uint16_t)(y < INT16_MIN ? INT16_MIN : y > UINT16_MAX ? UINT16_MAX : y);
}

static void log_raw(app *a, const sensor_raw *raw, uint32_t pulses, uint32_t span_s,
                    uint32_t refused)
{
    ring_sample s = {0};
    uint32_t temp = scaled(raw->temp_degc, 100, 0x8000u);
    if (!a->has_ring) {
        return;
    }
    s.time_s = (uint32_t)(app_now(a) / SECOND_US);
    s.rain_um = (uint32_t)(a->gauges.rain_um & UINT32_MAX);
    s.wind_pulses = (uint16_t)(pulses > UINT16_MAX ? UINT16_MAX : pulses);
    s.wind_s = (uint16_t)(span_s > UINT16_MAX ? UINT16_MAX : span_s);
    s.temp_cdegc = (int16_t)(temp < 0x8000u ? (int32_t)temp : (int32_t)temp - 0x10000);
    s.rh_cpct = scaled(raw->rh_pct, 100, UINT16_MAX);
    s.pressure_dhpa = scaled(raw->pressure_hpa, 10, UINT16_MAX);
    s.wind_dir_deg = scaled(raw->wind_dir_deg, 1, UINT16_MAX);
    s.battery_mv = scaled(raw->battery_v, 1000, UINT16_MAX);
    s.panel_mv = scaled(raw->panel_v, 1000, UINT16_MAX);
    s.faults = raw->faults;
    s.refused = (uint8_t)refused;
    if (ring_append(&a->raw_log, &s) != PORT_OK) {
        a->counters.flash_errors++;
        app_log(a, PORT_LOG_WARN, "ring", app_bits(a->raw_log.sector), 0);
    }
}

static uint32_t judge(app *a, int32_t x[QRES_MAX_CHANNELS])
{
    int32_t again[QRES_MAX_CHANNELS];
    uint32_t refused = 0;
    uint32_t jumps = 0;
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        again[c] = x[c];
        jumps |= quality_is_jump(&a->quality, c, x[c]) != 0 ? 1u << c : 0u;
    }
    if (jumps != 0) {
        sensor_raw raw = nothing;
        uint32_t unused;
        a->counters.jumps++;
        a->port->delay_us(a->port->ctx, JUMP_WAIT_US);
        a->port->sense(a->port->ctx, &raw);
        channels_of(a, &raw, again, &unused, &unused);
    }
    for (uint32_t c = 0; c < a->field.site.n_channels; c++) {
        const qres_channel *ch = &a->field.site.channel[c];
        int32_t judged =
            quality_judge(&a->quality, c, ch->lo, ch->hi, app_now(a), x[c], again[c]);
        refused |= judged != x[c] ? 1u << c : 0u;
        x[c] = judged;
    }
    if (refused != 0) {
        app_log(a, PORT_LOG_WARN, "implausible", (int32_t)refused, 0);
    }
    return refused;
}

void app_sample(app *a)
{
    sensor_raw raw = nothing;
    int32_t x[QRES_MAX_CHANNELS];
    uint32_t pulses;
    uint32_t span_s;
    uint32_t refused;
    a->port->sense(a->port->ctx, &raw);
    gauges_look(&a->gauges, app_now(a), &raw, a->port->fitted.rain_um_per_tip);
    channels_of(a, &raw, x, &pulses, &span_s);
    refused = judge(a, x);
    qres_sample(&a->node, x);
    a->counters.samples++;
    log_raw(a, &raw, pulses, span_s, refused);
    if (raw.faults != 0) {
        app_log(a, PORT_LOG_WARN, "sensor", raw.faults, 0);
    }
    if (a->gauges.rain_um != a->saved_rain_um || app_now(a) - a->saved_us > SAVE_EVERY_US) {
        (void)app_save(a);
    }
}

int app_battery_low(app *a, uint32_t above_mv)
{
    sensor_raw raw = nothing;
    if (a->port->fitted.battery_low_mv == 0) {
        return 0;
    }
    a->port->sense(a->port->ctx, &raw);
    return raw.battery_v != SENSOR_MISSED
           && (int64_t)raw.battery_v * 1000 < (int64_t)(a->port->fitted.battery_low_mv + above_mv) * 65536;
}
