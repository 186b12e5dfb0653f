/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bme280.h - Bosch BME280: pressure, and air temperature and humidity where there is no SHT4x.
 *
 * Forced mode, each quantity once: 9.3 ms at most (data sheet 9.1), then it sleeps.
 * Source: Bosch BST-BME280-DS001 (data sheet), registers 5.3, 5.4, formulas 4.2.3.
 */
#ifndef QRES_BME280_H
#define QRES_BME280_H

#include "i2c.h"
#include "sensor.h"

/* cffi: begin */
#define BME280_ADDRESS 0x76
#define BME280_SETTLE_US 10000

/* Trimming values of one part, table 16. */
typedef struct {
    uint16_t t1;
    int16_t t2, t3;
    uint16_t p1;
    int16_t p2, p3, p4, p5, p6, p7, p8, p9;
    uint8_t h1, h3;
    int16_t h2, h4, h5;
    int8_t h6;
} bme280_trim;

typedef struct {
    const i2c_io *bus;
    bme280_trim trim;
    uint8_t address;       /* 0x76 or 0x77 */
    uint8_t pressure_only; /* 1: leave temperature and humidity to a better part */
    uint8_t known;         /* 1: trim has been read; zero it when the part may have been changed */
} bme280;

/* The formulas of 4.2.3: 1/100 degC (and t_fine), 1/256 Pa (0: no result), 1/1024 %. Above 117 degC no results. */
int32_t bme280_temp_cdegc(const bme280_trim *trim, int32_t adc, int32_t *t_fine);
uint32_t bme280_pressure(const bme280_trim *trim, int32_t adc, int32_t t_fine);
uint32_t bme280_humidity(const bme280_trim *trim, int32_t adc, int32_t t_fine);
/* Trimming values from registers 0x88..0xA1 (26 bytes) and 0xE1..0xE7 (7 bytes). */
void bme280_trim_from(bme280_trim *trim, const uint8_t *low, const uint8_t *high);
/* `ctx` is a bme280. Return 0 or SENSOR_ERR_*. */
int bme280_start(void *ctx);
int bme280_read(void *ctx, sensor_raw *raw);
/* cffi: end */

#endif /* QRES_BME280_H */
