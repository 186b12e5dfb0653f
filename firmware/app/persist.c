/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state record: what must not be forgotten, written before each transmission.
 *
 *   u8 version | 3 zeros | u32 tx_not_before | u64 time_us | u64 rain_um | i32 rate_ppb | governor
 */
#include "app_internal.h"
#include "bytes.h"

enum {
    KEY_STATE = 0,
    VERSION = 1,
    OFF_PHASE = 4,
    OFF_TIME = 8,
    OFF_RAIN = 16,
    OFF_RATE = 24,
    OFF_GOVERNOR = 28,
    STATE_BYTES = OFF_GOVERNOR + QRES_GOVERNOR_BYTES,
    RECORDS_A_PHASE = 5, /* a sample's, and before its REPORT, the common slot's frame, two RELAYs */
    RETAINED_BYTES = 32,
    RATE_MAX_PPB = 100000
};
#define RETAINED_MAGIC 0x31545251u /* "QRT1" */

/* Channel found legal by the provisioning's check or refused; its sub-band. */
static const qres_band *own_band(const app *a)
{
    qres_carrier c;
    int band;
    c.freq_hz = a->who.freq_hz;
    c.bw_hz = a->who.site.lora.bw_hz;
    /* NOLINTNEXTLINE(bugprone-signed-char-misuse,cert-str34-c): a number, no character */
    c.tx_power_dbm = a->who.tx_power_dbm;
    c.antenna_cdbi = a->port->fitted.antenna_cdbi;
    band = qres_region_find(a->who.region, &c);
    return band < 0 ? NULL : qres_region_band(a->who.region, band);
}

/* A governor that knows nothing: mute for 80 min, unless the flash was never written. */
static void fresh_governor(app *a, const qres_band *band, uint64_t now)
{
    uint32_t spent = a->state.sequence == 0 ? 0 : QRES_AIRTIME_UNLIMITED;
    if (band == NULL || qres_governor_init(&a->governor, band, now, spent) != QRES_OK) {
        /* No legal channel: limits of 0, so that nothing is ever granted. */
        a->governor = (qres_governor){0};
        app_log(a, PORT_LOG_ERROR, "carrier", app_bits(a->who.freq_hz), a->who.tx_power_dbm);
    }
}

uint64_t app_load(app *a)
{
    uint8_t p[STATE_BYTES];
    const qres_band *band = own_band(a);
    uint64_t now = app_now(a);
    int len = store_get(&a->state, KEY_STATE, p, sizeof p);
    /* No earlier time than that of the provisioning can be true. */
    a->tx_not_before = (uint32_t)(a->who.made_s * SECOND_US / a->field.phase_us) + 1;
    gauges_init(&a->gauges, 0);
    if (len != STATE_BYTES || p[0] != VERSION) {
        fresh_governor(a, band, now);
        return 0;
    }
    if (get32(p + OFF_PHASE) > a->tx_not_before) {
        a->tx_not_before = get32(p + OFF_PHASE);
    }
    gauges_init(&a->gauges, get64(p + OFF_RAIN));
    a->saved_rain_um = a->gauges.rain_um;
    a->rate_ppb = signed32(get32(p + OFF_RATE));
    if (a->rate_ppb > RATE_MAX_PPB || a->rate_ppb < -RATE_MAX_PPB) {
        a->rate_ppb = 0;
    }
    if (band == NULL
        || qres_governor_load(&a->governor, band, p + OFF_GOVERNOR, QRES_GOVERNOR_BYTES)
               != QRES_OK) {
        fresh_governor(a, band, now);
    }
    return get64(p + OFF_TIME);
}

int app_save(app *a)
{
    uint8_t p[STATE_BYTES] = {0};
    uint64_t now = app_now(a);
    int rc;
    p[0] = VERSION;
    put32(p + OFF_PHASE, a->tx_not_before);
    put64(p + OFF_TIME, now);
    put64(p + OFF_RAIN, a->gauges.rain_um);
    put32(p + OFF_RATE, (uint32_t)(int32_t)a->node.clock_rate_ppb);
    rc = qres_governor_save(&a->governor, p + OFF_GOVERNOR, QRES_GOVERNOR_BYTES);
    rc = rc == QRES_GOVERNOR_BYTES ? store_put(&a->state, KEY_STATE, p, sizeof p) : PORT_ERR_FLASH;
    if (rc != PORT_OK) {
        a->counters.flash_errors++;
        app_log(a, PORT_LOG_ERROR, "flash", rc, (int32_t)a->state.sector);
        return rc;
    }
    a->saved_us = now;
    a->saved_rain_um = a->gauges.rain_um;
    return PORT_OK;
}

void app_make_room(app *a)
{
    if (a->node.relaying.ordinal == QRES_NO_SLOT) {
        return;
    }
    if (a->state.sequence == 0) {
        (void)app_save(a); /* a store without a record would be taken for a damaged one */
    } else if (store_reserve(&a->state, RECORDS_A_PHASE, STATE_BYTES) != PORT_OK) {
        a->counters.flash_errors++; /* each save will try again */
    } else {
        /* there is room */
    }
}

void app_retain(app *a)
{
    uint8_t *p = a->port->retained;
    if (a->port->retained_bytes < RETAINED_BYTES || !a->gauges.has_tips) {
        return;
    }
    put32(p, RETAINED_MAGIC);
    put64(p + 4, a->gauges.rain_um);
    put32(p + 12, a->gauges.tips);
    put32(p + 16, a->field.site_hash);
    put32(p + 20, crc32_of(p, 20));
}

void app_recall(app *a)
{
    const uint8_t *p = a->port->retained;
    if (a->port->retained_bytes < RETAINED_BYTES || get32(p) != RETAINED_MAGIC
        || get32(p + 20) != crc32_of(p, 20) || get32(p + 16) != a->field.site_hash
        || a->port->reset == PORT_RESET_POWER_ON) {
        return;
    }
    gauges_init(&a->gauges, get64(p + 4));
    a->gauges.tips = get32(p + 12);
    a->gauges.has_tips = 1;
}
