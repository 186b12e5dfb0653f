/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All sensors of a board. An SHT4x serves temperature and humidity; where none answers, a BME280
 * does. A BME280 that has answered once is expected from then on.
 */
#include "analog.h"
#include "bme280.h"
#include "board_hw.h"
#include "node.h"
#include "sht4x.h"

#define MV_TO_Q16(mv) ((int32_t)((int64_t)(mv) * 65536 / 1000))
#define VANE_PULL_UP_OHM 10000u
#define VANE_SUPPLY_MV 3300u

static sht4x s_sht = {.address = SHT4X_ADDRESS};
static bme280 s_bme = {.address = BME280_ADDRESS};
static bool s_bme_seen;

static void sense_bus(sensor_raw *raw)
{
    const i2c_io *bus = board_i2c();

    if (bus == NULL) {
        raw->faults |= SENSOR_FAULT_HUMIDITY;
        return;
    }
    s_sht.bus = bus;
    s_bme.bus = bus;
    bool sht = sht4x_start(&s_sht) == 0;
    bool bme = bme280_start(&s_bme) == 0;
    board_delay_us(sht || bme ? SHT4X_SETTLE_US : 0);
    s_bme_seen = s_bme_seen || bme;
    if (bme && bme280_read(&s_bme, raw) != 0) {
        bme = false;
    }
    if (sht && sht4x_read(&s_sht, raw) != 0) { /* the better part last: it wins */
        sht = false;
    }
    if (!sht && !bme) {
        raw->faults |= SENSOR_FAULT_HUMIDITY;
    }
    if (s_bme_seen && !bme) {
        raw->faults |= SENSOR_FAULT_PRESSURE;
        s_bme.known = 0;
    }
}

static void sense_analog(sensor_raw *raw)
{
    if (BOARD_VANE >= 0) {
        int32_t mv = board_analog_mv(BOARD_VANE);
        if (mv >= 0) {
            raw->wind_dir_deg = analog_vane_switched((uint16_t)mv, VANE_SUPPLY_MV, VANE_PULL_UP_OHM);
        } else {
            raw->faults |= SENSOR_FAULT_VANE;
        }
    }
    int32_t battery_mv = board_battery_mv();
    if (battery_mv >= 0) {
        raw->battery_v = MV_TO_Q16(battery_mv);
    } else if (BOARD_PMU != 0 || BOARD_BATTERY_ADC >= 0) {
        raw->faults |= SENSOR_FAULT_POWER;
    }
}

void node_count(sensor_raw *raw)
{
    board_pulse_look();
    raw->has_wind = board_pulse_present(BOARD_WIND_GAUGE);
    raw->has_rain = board_pulse_present(BOARD_RAIN_GAUGE);
    raw->wind_pulses = board_pulse_count(BOARD_WIND_GAUGE);
    raw->rain_tips = board_pulse_count(BOARD_RAIN_GAUGE);
}

port_fitted node_fitted(void)
{
    const port_fitted fitted = {
        .wind_um_per_pulse = KIT_WIND_UM_PER_PULSE,
        .wind_offset_um_s = KIT_WIND_OFFSET_UM_S,
        .rain_um_per_tip = KIT_RAIN_UM_PER_TIP,
        .antenna_cdbi = KIT_ANTENNA_CDBI,
        .battery_low_mv = KIT_BATTERY_LOW_MV,
    };
    return fitted;
}

void node_sense(sensor_raw *raw)
{
    board_sensor_power(true);
    sense_bus(raw);
    sense_analog(raw);
    board_sensor_power(false);
    node_count(raw);
}
