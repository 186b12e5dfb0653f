/* SPDX-License-Identifier: Apache-2.0 */
#include "analog.h"

#include "sensor.h"

#define TOLERANCE_1E4 110u /* of the supply; the nearest two positions are 0.9 % apart at 10 kOhm */
#define DEGREE 65536

/* Resistor of each position, north first, clockwise by 22.5 degrees. [ohm] Source: gauges.toml. */
static const uint32_t vane_ohm[16] = {33000, 6570, 8200,  891,   1000,   688,   2200,  1410,
                                      3900,  3140, 16000, 14120, 120000, 42120, 64900, 21880};

uint16_t analog_median(const uint16_t *samples_mv, size_t n)
{
    uint16_t sorted[ANALOG_SAMPLES_MAX];
    size_t filled = 0;

    if (n == 0) {
        return 0;
    }
    while (filled < n && filled < ANALOG_SAMPLES_MAX) {
        uint16_t value = samples_mv[filled];
        size_t at = filled;
        while (at > 0 && sorted[at - 1] > value) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = value;
        filled++;
    }
    return sorted[filled / 2];
}

int32_t analog_volts(uint16_t pin_mv, uint32_t scale_1e4)
{
    uint64_t q16 = (uint64_t)pin_mv * scale_1e4 * 65536u / 10000000u;

    return q16 > INT32_MAX ? INT32_MAX : (int32_t)q16;
}

int32_t analog_vane_switched(uint16_t pin_mv, uint16_t supply_mv, uint32_t pull_up_ohm)
{
    uint32_t nearest = TOLERANCE_1E4 + 1;
    int32_t direction = SENSOR_MISSED;

    if (supply_mv == 0 || pull_up_ohm == 0) {
        return SENSOR_MISSED;
    }
    uint32_t ratio = (uint32_t)pin_mv * 10000u / supply_mv;
    for (int32_t i = 0; i < 16; i++) {
        uint64_t ohm = vane_ohm[i];
        uint32_t expected = (uint32_t)(ohm * 10000u / (ohm + pull_up_ohm));
        uint32_t off = expected > ratio ? expected - ratio : ratio - expected;
        if (off < nearest) {
            nearest = off;
            direction = i * (DEGREE * 45 / 2);
        }
    }
    return direction;
}

int32_t analog_vane_potentiometer(uint16_t pin_mv, uint16_t supply_mv)
{
    if (supply_mv == 0 || pin_mv > supply_mv) {
        return SENSOR_MISSED;
    }
    int64_t direction = (int64_t)360 * DEGREE * pin_mv / supply_mv;
    return direction >= (int64_t)360 * DEGREE ? 0 : (int32_t)direction;
}
