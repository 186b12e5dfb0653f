/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formulas are the integer ones of the data sheet. Where they shift a signed number right, a
 * division that rounds down stands here: a shift would leave the result to the compiler.
 */
#include "bme280.h"

enum {
    REG_TRIM_LOW = 0x88,
    REG_ID = 0xD0,
    REG_TRIM_HIGH = 0xE1,
    REG_CONTROL_HUMIDITY = 0xF2,
    REG_STATUS = 0xF3,
    REG_CONTROL = 0xF4,
    REG_DATA = 0xF7,
    ID = 0x60,
    ONCE_HUMIDITY = 0x01,
    ONCE_FORCED = 0x25,   /* temperature once, pressure once, forced mode */
    MEASURING = 0x08,
    SKIPPED_20 = 0x80000, /* what a quantity reads that was not measured */
    SKIPPED_16 = 0x8000,
    T_FINE_MAX = 600000   /* 117 degC; the part is specified to 85 degC */
};

/* Trimming values of a real part keep below these; a damaged one could overflow the formulas. */
#define RAW_MAX (INT64_MAX / 3125)
#define SCALED_MAX ((int64_t)1 << 36)

/* x / 2^n, rounded down */
static int64_t down(int64_t x, unsigned n)
{
    int64_t d = (int64_t)1 << n;

    return x >= 0 ? x / d : -((-x + d - 1) / d);
}

int32_t bme280_temp_cdegc(const bme280_trim *trim, int32_t adc, int32_t *t_fine)
{
    int64_t a = down((down(adc, 3) - (int64_t)trim->t1 * 2) * trim->t2, 11);
    int64_t d = down(adc, 4) - (int64_t)trim->t1;
    int64_t b = down(down(d * d, 12) * trim->t3, 14);

    *t_fine = (int32_t)(a + b);
    return (int32_t)down((a + b) * 5 + 128, 8);
}

uint32_t bme280_pressure(const bme280_trim *trim, int32_t adc, int32_t t_fine)
{
    if (t_fine > T_FINE_MAX || t_fine < -T_FINE_MAX) {
        return 0;
    }
    int64_t a = (int64_t)t_fine - 128000;
    int64_t b = a * a * trim->p6 + a * trim->p5 * 131072 + (int64_t)trim->p4 * 34359738368;
    int64_t c = down(a * a * trim->p3, 8) + a * trim->p2 * 4096;

    c += (int64_t)1 << 47;
    if (trim->p1 == 0 || c <= 0 || c > INT64_MAX / trim->p1) {
        return 0;
    }
    c = down(c * trim->p1, 33);
    int64_t p = ((int64_t)1048576 - adc) * 2147483648 - b;
    if (c == 0 || p < 0 || p > RAW_MAX) {
        return 0;
    }
    p = p * 3125 / c;
    if (p > SCALED_MAX) {
        return 0;
    }
    int64_t d = down(p, 13);
    p = p + down(trim->p9 * d * d, 25) + down(trim->p8 * p, 19);
    p = down(p, 8) + (int64_t)trim->p7 * 16;
    return p > 0 && p <= (int64_t)UINT32_MAX ? (uint32_t)p : 0;
}

uint32_t bme280_humidity(const bme280_trim *trim, int32_t adc, int32_t t_fine)
{
    if (t_fine > T_FINE_MAX || t_fine < -T_FINE_MAX) {
        return 0;
    }
    int64_t v = (int64_t)t_fine - 76800;
    int64_t left = down((int64_t)adc * 16384 - (int64_t)trim->h4 * 1048576 - trim->h5 * v + 16384, 15);
    int64_t dry = down(v * trim->h3, 11) + 32768;
    int64_t right = down(down(v * trim->h6, 10) * dry, 10) + 2097152;

    right = down(right * trim->h2 + 8192, 14);
    v = left * right;
    int64_t square = down(v, 15);
    v -= down(down(square * square, 7) * trim->h1, 4);
    v = v < 0 ? 0 : v > 419430400 ? 419430400 : v;
    return (uint32_t)(v / 4096);
}

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[1] << 8 | at[0]);
}

/* two's complement of `bits` bits */
static int16_t s16(unsigned value, unsigned bits)
{
    int32_t half = (int32_t)1 << (bits - 1);

    return (int16_t)((int32_t)value >= half ? (int32_t)value - 2 * half : (int32_t)value);
}

void bme280_trim_from(bme280_trim *trim, const uint8_t *low, const uint8_t *high)
{
    trim->t1 = u16(&low[0]);
    trim->t2 = s16(u16(&low[2]), 16);
    trim->t3 = s16(u16(&low[4]), 16);
    trim->p1 = u16(&low[6]);
    trim->p2 = s16(u16(&low[8]), 16);
    trim->p3 = s16(u16(&low[10]), 16);
    trim->p4 = s16(u16(&low[12]), 16);
    trim->p5 = s16(u16(&low[14]), 16);
    trim->p6 = s16(u16(&low[16]), 16);
    trim->p7 = s16(u16(&low[18]), 16);
    trim->p8 = s16(u16(&low[20]), 16);
    trim->p9 = s16(u16(&low[22]), 16);
    trim->h1 = low[25];
    trim->h2 = s16(u16(&high[0]), 16);
    trim->h3 = high[2];
    trim->h4 = s16((unsigned)high[3] << 4 | (high[4] & 0x0Fu), 12);
    trim->h5 = s16((unsigned)high[5] << 4 | (unsigned)high[4] >> 4, 12);
    trim->h6 = (int8_t)s16(high[6], 8);
}

static int get(const bme280 *part, uint8_t at, uint8_t *data, size_t len)
{
    const i2c_io *bus = part->bus;

    if (bus->write(bus->ctx, part->address, &at, 1) != 0) {
        return SENSOR_ERR_BUS;
    }
    return bus->read(bus->ctx, part->address, data, len) == 0 ? 0 : SENSOR_ERR_BUS;
}

static int put(const bme280 *part, uint8_t at, uint8_t value)
{
    const uint8_t data[2] = {at, value};

    return part->bus->write(part->bus->ctx, part->address, data, 2) == 0 ? 0 : SENSOR_ERR_BUS;
}

static int learn(bme280 *part)
{
    uint8_t id = 0, low[26], high[7];
    int err = get(part, REG_ID, &id, 1);

    if (err != 0) {
        return err;
    }
    if (id != ID) {
        return SENSOR_ERR_CHIP; /* 0x58: a BMP280, which has no humidity */
    }
    err = get(part, REG_TRIM_LOW, low, sizeof low);
    if (err == 0) {
        err = get(part, REG_TRIM_HIGH, high, sizeof high);
    }
    if (err == 0) {
        bme280_trim_from(&part->trim, low, high);
        part->known = 1;
    }
    return err;
}

int bme280_start(void *ctx)
{
    bme280 *part = ctx;
    int err = part->known != 0 ? 0 : learn(part);

    if (err == 0) {
        err = put(part, REG_CONTROL_HUMIDITY, ONCE_HUMIDITY);
    }
    return err == 0 ? put(part, REG_CONTROL, ONCE_FORCED) : err;
}

int bme280_read(void *ctx, sensor_raw *raw)
{
    bme280 *part = ctx;
    uint8_t status = 0, d[8];
    int err = get(part, REG_STATUS, &status, 1);

    if (err == 0 && (status & MEASURING) != 0) {
        return SENSOR_ERR_NOT_READY;
    }
    if (err == 0) {
        err = get(part, REG_DATA, d, sizeof d);
    }
    if (err != 0) {
        return err;
    }
    int32_t p_adc = (int32_t)((uint32_t)d[0] << 12 | (uint32_t)d[1] << 4 | (uint32_t)d[2] >> 4);
    int32_t t_adc = (int32_t)((uint32_t)d[3] << 12 | (uint32_t)d[4] << 4 | (uint32_t)d[5] >> 4);
    int32_t h_adc = (int32_t)((uint32_t)d[6] << 8 | d[7]);
    if (p_adc == SKIPPED_20 || t_adc == SKIPPED_20 || h_adc == SKIPPED_16) {
        part->known = 0; /* it lost its supply, and with it the order to measure: learn it anew */
        return SENSOR_ERR_NOT_READY;
    }
    int32_t t_fine = 0;
    int32_t temp = bme280_temp_cdegc(&part->trim, t_adc, &t_fine);
    uint32_t pressure = bme280_pressure(&part->trim, p_adc, t_fine);
    if (pressure == 0) {
        part->known = 0; /* what was learnt, or what was measured, is damaged */
        return SENSOR_ERR_CHIP;
    }
    if (part->pressure_only == 0) {
        raw->temp_degc = (int32_t)((int64_t)temp * 65536 / 100);
        raw->rh_pct = (int32_t)(bme280_humidity(&part->trim, h_adc, t_fine) * 64u);
    }
    raw->pressure_hpa = (int32_t)((uint64_t)pressure * 65536 / 25600);
    return 0;
}
