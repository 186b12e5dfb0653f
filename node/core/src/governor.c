/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Airtime governor; see qres_radio.h for the promise and why it is a window of
 * bins and not a token bucket.
 *
 * Invariant, unless the state was loaded under a lower limit: with a duty cycle
 * the sum of the bins is at most `limit_us`. Bin `head` is the current one, the
 * slot after it the oldest.
 */
#include "qres_radio.h"

enum {
    VERSION = 1,
    OFF_LO = 4,
    OFF_LAST = 8,
    OFF_CHARGED = 16,
    OFF_PHASE = 24,
    OFF_DISBELIEVED = 28,
    OFF_BINS = 32,
    OFF_CRC = OFF_BINS + 4 * QRES_GOVERNOR_BINS
};

#define HOUR_US 3600000000u

static uint32_t next_slot(uint32_t slot)
{
    return slot + 1 < QRES_GOVERNOR_BINS ? slot + 1 : 0;
}

static uint64_t sum_bins(const qres_governor *g)
{
    uint64_t sum = 0;
    for (int i = 0; i < QRES_GOVERNOR_BINS; i++) {
        sum += g->bin_us[i];
    }
    return sum;
}

/* Time since the last call that we believe in [us]; 0 after a jump. */
static uint32_t believed_us(const qres_governor *g, uint64_t now_us)
{
    if (now_us < g->last_us || now_us - g->last_us > QRES_GOVERNOR_GAP_US) {
        return 0;
    }
    return (uint32_t)(now_us - g->last_us);
}

static int set_limits(qres_governor *g, const qres_band *band)
{
    if (band == NULL || band->duty_1e4 == 0) {
        return QRES_ERR_INVALID;
    }
    g->lo_hz = band->lo_hz;
    g->limit_us = band->duty_1e4 >= QRES_DUTY_NONE ? QRES_AIRTIME_UNLIMITED
                                                   : HOUR_US / 10000u * band->duty_1e4;
    g->frame_max_us = QRES_GOVERNOR_FRAME_US;
    if (g->frame_max_us > g->limit_us) {
        g->frame_max_us = g->limit_us;
    }
    if (band->dwell_us != 0 && g->frame_max_us > band->dwell_us) {
        g->frame_max_us = band->dwell_us;
    }
    return QRES_OK;
}

int qres_governor_init(qres_governor *g, const qres_band *band, uint64_t now_us,
                       uint32_t spent_us)
{
    if (set_limits(g, band) != QRES_OK) {
        return QRES_ERR_INVALID;
    }
    g->last_us = now_us;
    g->charged_us = 0;
    g->phase_us = 0;
    g->disbelieved = 0;
    g->head = 0;
    for (int i = 0; i < QRES_GOVERNOR_BINS; i++) {
        g->bin_us[i] = 0;
    }
    g->bin_us[0] = spent_us < g->limit_us ? spent_us : g->limit_us;
    return QRES_OK;
}

void qres_governor_tick(qres_governor *g, uint64_t now_us)
{
    uint32_t elapsed = believed_us(g, now_us);
    if (elapsed == 0 && now_us != g->last_us && g->disbelieved < UINT32_MAX) {
        g->disbelieved++;
    }
    g->last_us = now_us;
    g->phase_us += elapsed;
    while (g->phase_us >= QRES_GOVERNOR_BIN_US) {
        g->phase_us -= QRES_GOVERNOR_BIN_US;
        g->head = next_slot(g->head);
        g->bin_us[g->head] = 0;
    }
}

void qres_governor_clock_step(qres_governor *g, int64_t step_us)
{
    /*
     * Where the sum leaves the range it stops at the end at which the next
     * advance looks shorter than it is, never longer.
     */
    if (step_us >= 0) {
        uint64_t step = (uint64_t)step_us;
        g->last_us = g->last_us > UINT64_MAX - step ? UINT64_MAX : g->last_us + step;
    } else {
        uint64_t step = (uint64_t)0 - (uint64_t)step_us;
        g->last_us = g->last_us < step ? 0 : g->last_us - step;
    }
}

int qres_governor_charge(qres_governor *g, uint64_t now_us, uint32_t airtime_us)
{
    qres_governor_tick(g, now_us);
    if (airtime_us == 0 || airtime_us > g->frame_max_us) {
        return QRES_ERR_INVALID;
    }
    if (airtime_us > qres_governor_available_us(g, now_us)) {
        return QRES_ERR_AIRTIME;
    }
    uint32_t *bin = &g->bin_us[g->head];
    *bin = *bin > UINT32_MAX - airtime_us ? UINT32_MAX : *bin + airtime_us;
    g->charged_us += airtime_us;
    return QRES_OK;
}

/* Airtime held once `count` more bins have begun. */
static uint64_t held_after(const qres_governor *g, uint32_t count)
{
    uint64_t held = sum_bins(g);
    uint32_t slot = g->head;
    for (uint32_t i = 0; i < count && i < QRES_GOVERNOR_BINS; i++) {
        slot = next_slot(slot);
        held -= g->bin_us[slot];
    }
    return held;
}

uint32_t qres_governor_available_us(const qres_governor *g, uint64_t now_us)
{
    if (g->limit_us == QRES_AIRTIME_UNLIMITED) {
        return QRES_AIRTIME_UNLIMITED;
    }
    uint32_t begun = (g->phase_us + believed_us(g, now_us)) / QRES_GOVERNOR_BIN_US;
    uint64_t held = held_after(g, begun);
    return held < g->limit_us ? g->limit_us - (uint32_t)held : 0;
}

uint64_t qres_governor_next_ok_us(const qres_governor *g, uint64_t now_us, uint32_t airtime_us)
{
    if (airtime_us == 0 || airtime_us > g->frame_max_us) {
        return UINT64_MAX;
    }
    if (airtime_us <= qres_governor_available_us(g, now_us)) {
        return now_us;
    }
    uint32_t passed = g->phase_us + believed_us(g, now_us);
    uint32_t count = passed / QRES_GOVERNOR_BIN_US;
    do { /* ends: with all bins gone nothing is held, and the frame fits */
        count++;
    } while (held_after(g, count) + airtime_us > g->limit_us);
    uint64_t wait = (uint64_t)count * QRES_GOVERNOR_BIN_US - passed;
    return now_us > UINT64_MAX - wait ? UINT64_MAX : now_us + wait;
}

static void put_le(uint8_t *p, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        p[i] = (uint8_t)x;
        x >>= 8;
    }
}

static uint64_t get_le(const uint8_t *p, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--) {
        x = x << 8 | p[i];
    }
    return x;
}

/* CRC-32 of IEEE 802.3, bit by bit: 112 bytes are too few to pay for a table. */
static uint32_t crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

int qres_governor_save(const qres_governor *g, uint8_t *out, size_t out_cap)
{
    if (out_cap < QRES_GOVERNOR_BYTES) {
        return QRES_ERR_SPACE;
    }
    out[0] = VERSION;
    out[1] = (uint8_t)g->head;
    out[2] = 0;
    out[3] = 0;
    put_le(out + OFF_LO, g->lo_hz, 4);
    put_le(out + OFF_LAST, g->last_us, 8);
    put_le(out + OFF_CHARGED, g->charged_us, 8);
    put_le(out + OFF_PHASE, g->phase_us, 4);
    put_le(out + OFF_DISBELIEVED, g->disbelieved, 4);
    for (int i = 0; i < QRES_GOVERNOR_BINS; i++) {
        put_le(out + OFF_BINS + 4 * i, g->bin_us[i], 4);
    }
    put_le(out + OFF_CRC, crc32(out, OFF_CRC), 4);
    return QRES_GOVERNOR_BYTES;
}

int qres_governor_load(qres_governor *g, const qres_band *band, const uint8_t *in, size_t len)
{
    qres_governor fresh;
    if (set_limits(&fresh, band) != QRES_OK) {
        return QRES_ERR_INVALID;
    }
    if (len != QRES_GOVERNOR_BYTES || in[0] != VERSION || in[1] >= QRES_GOVERNOR_BINS
        || in[2] != 0 || in[3] != 0 || get_le(in + OFF_CRC, 4) != crc32(in, OFF_CRC)
        || get_le(in + OFF_LO, 4) != fresh.lo_hz
        || get_le(in + OFF_PHASE, 4) >= QRES_GOVERNOR_BIN_US) {
        return QRES_ERR_FORMAT;
    }
    fresh.head = in[1];
    fresh.last_us = get_le(in + OFF_LAST, 8);
    fresh.charged_us = get_le(in + OFF_CHARGED, 8);
    fresh.phase_us = (uint32_t)get_le(in + OFF_PHASE, 4);
    fresh.disbelieved = (uint32_t)get_le(in + OFF_DISBELIEVED, 4);
    for (int i = 0; i < QRES_GOVERNOR_BINS; i++) {
        fresh.bin_us[i] = (uint32_t)get_le(in + OFF_BINS + 4 * i, 4);
    }
    *g = fresh;
    return QRES_OK;
}
