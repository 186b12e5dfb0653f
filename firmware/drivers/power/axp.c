/* SPDX-License-Identifier: Apache-2.0 */
#include "axp.h"

enum { REG_ID = 0x03, ID_192 = 0x03, ID_2101 = 0x4A };

/* AXP192 */
enum {
    REG_192_OUTPUTS = 0x12,  /* bit 2 LDO2, bit 3 LDO3 */
    REG_192_LDO23 = 0x28,    /* high nibble LDO2, 1.8 V + 0.1 V a step */
    REG_192_ADC = 0x82,      /* bit 7: battery voltage */
    REG_192_BATTERY = 0x78,  /* 12 bits: 8 and 4, 1.1 mV */
    RADIO_192 = 1 << 2,
    GPS_192 = 1 << 3,
    LDO2_3V3 = 0xF0
};

/* AXP2101 */
enum {
    REG_2101_OUTPUTS = 0x90, /* bit 1 ALDO2, bit 2 ALDO3 */
    REG_2101_ALDO2 = 0x93,   /* 0.5 V + 0.1 V a step, bits 4:0 */
    REG_2101_ADC = 0x30,     /* bit 0: battery voltage */
    REG_2101_BATTERY = 0x34, /* 14 bits: 6 and 8, 1 mV */
    RADIO_2101 = 1 << 1,
    GPS_2101 = 1 << 2,
    ALDO2_3V3 = 28
};

static int get(const i2c_io *bus, uint8_t at, uint8_t *data, size_t len)
{
    if (bus->write(bus->ctx, AXP_ADDRESS, &at, 1) != 0 ||
        bus->read(bus->ctx, AXP_ADDRESS, data, len) != 0) {
        return SENSOR_ERR_BUS;
    }
    return 0;
}

/* Replace the bits of `mask`. */
static int change(const i2c_io *bus, uint8_t at, unsigned mask, unsigned bits)
{
    uint8_t value = 0;
    int err = get(bus, at, &value, 1);

    if (err != 0) {
        return err;
    }
    const uint8_t data[2] = {at, (uint8_t)((value & ~mask) | (bits & mask))};
    return bus->write(bus->ctx, AXP_ADDRESS, data, sizeof data) == 0 ? 0 : SENSOR_ERR_BUS;
}

int axp_feed_radio(const i2c_io *bus)
{
    uint8_t id = 0;
    int err = get(bus, REG_ID, &id, 1);

    if (err != 0) {
        return err;
    }
    if (id == ID_192) { /* the voltage first, then the switch */
        err = change(bus, REG_192_LDO23, 0xF0, LDO2_3V3);
        return err != 0 ? err : change(bus, REG_192_OUTPUTS, RADIO_192 | GPS_192, RADIO_192);
    }
    if (id == ID_2101) {
        err = change(bus, REG_2101_ALDO2, 0x1F, ALDO2_3V3);
        return err != 0 ? err : change(bus, REG_2101_OUTPUTS, RADIO_2101 | GPS_2101, RADIO_2101);
    }
    return SENSOR_ERR_CHIP;
}

int axp_battery_mv(const i2c_io *bus)
{
    uint8_t id = 0, raw[2] = {0, 0};
    int err = get(bus, REG_ID, &id, 1);

    if (err != 0) {
        return err;
    }
    if (id != ID_192 && id != ID_2101) {
        return SENSOR_ERR_CHIP;
    }
    int old = id == ID_192;
    err = old ? change(bus, REG_192_ADC, 0x80, 0x80) : change(bus, REG_2101_ADC, 0x01, 0x01);
    if (err == 0) {
        err = get(bus, old ? REG_192_BATTERY : REG_2101_BATTERY, raw, sizeof raw);
    }
    if (err != 0) {
        return err;
    }
    return old ? ((int)raw[0] << 4 | (raw[1] & 0x0F)) * 11 / 10 : ((int)(raw[0] & 0x3F) << 8 | raw[1]);
}
