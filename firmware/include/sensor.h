/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor.h - the one interface of all sensor drivers, and what a reading is.
 *
 * A driver fills the fields that its part measures and leaves the others
 * alone. Several drivers may serve one sensor_raw; the later one wins.
 * Nothing is judged here: firmware/app/quality.h refuses what cannot be true.
 */
#ifndef QRES_SENSOR_H
#define QRES_SENSOR_H

#include <stdint.h>

#include "qres.h"

/* A quantity that was not measured, or whose part failed. */
#define SENSOR_MISSED QRES_MISSED

/* Bits of sensor_raw.faults: a part that should be there did not answer, or failed its CRC. */
enum {
    SENSOR_FAULT_HUMIDITY = 1, /* the temperature and humidity part */
    SENSOR_FAULT_PRESSURE = 2,
    SENSOR_FAULT_VANE = 4,
    SENSOR_FAULT_POWER = 8     /* battery and panel voltage */
};

/* One look at all sensors. Physical quantities are Q16.16 in the unit that the name ends with. */
typedef struct {
    int32_t temp_degc;
    int32_t rh_pct;
    int32_t pressure_hpa;
    int32_t wind_dir_deg;
    int32_t battery_v;
    int32_t panel_v;
    /*
     * Running counters, modulo 2^32; they count through every sleep and start at any value.
     * `has_wind`, `has_rain`: 1 if the board has the gauge.
     */
    uint32_t wind_pulses;
    uint32_t rain_tips;
    uint8_t has_wind;
    uint8_t has_rain;
    uint8_t faults; /* SENSOR_FAULT_* */
} sensor_raw;

/* Every quantity missed, no gauge, no fault: what a port starts from. */
#define SENSOR_RAW_NONE                                                                            \
    {SENSOR_MISSED, SENSOR_MISSED, SENSOR_MISSED, SENSOR_MISSED, SENSOR_MISSED, SENSOR_MISSED,     \
     0,             0,             0,             0,             0}

/*
 * A driver. `start` wakes the part and begins a measurement; after `settle_us` `read` fetches it
 * and lets the part sleep. Ports start all, wait for the longest, read all.
 */
typedef struct {
    const char *name;   /* "sht4x" */
    void *ctx;          /* first argument of both */
    uint32_t settle_us; /* [us] */
    /* Each returns 0, or a negative number and then the driver's SENSOR_FAULT_ bit is to be set. */
    int (*start)(void *ctx);
    int (*read)(void *ctx, sensor_raw *raw);
    uint8_t fault; /* SENSOR_FAULT_*, 0 if it has none */
} sensor_driver;

#endif /* QRES_SENSOR_H */
