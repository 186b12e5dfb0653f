/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sht4x.h - Sensirion SHT40, 41, 45: air temperature and relative humidity.
 *
 * Source: Sensirion SHT4x data sheet, version 6.5: commands 4.5, CRC 4.4, formulas 4.6.
 */
#ifndef QRES_SHT4X_H
#define QRES_SHT4X_H

#include "i2c.h"
#include "sensor.h"

/* cffi: begin */
#define SHT4X_ADDRESS 0x44
#define SHT4X_SETTLE_US 10000 /* [us] high repeatability takes 8.3 ms at most */

typedef struct {
    const i2c_io *bus;
    uint8_t address; /* 0x44, 0x45 or 0x46 by part number */
} sht4x;

/* CRC-8 of the data sheet: polynomial 0x31, initial value 0xFF. */
uint8_t sht4x_crc(const uint8_t *data, size_t len);
/* Raw counts to Q16.16; humidity is cropped to 0..100 as 4.6 allows. */
int32_t sht4x_temp_degc(uint16_t raw);
int32_t sht4x_rh_pct(uint16_t raw);
/* Begin a measurement; read it SHT4X_SETTLE_US later. Return 0 or SENSOR_ERR_BUS, _CRC. `ctx` is a sht4x. */
int sht4x_start(void *ctx);
int sht4x_read(void *ctx, sensor_raw *raw);
/* cffi: end */

#endif /* QRES_SHT4X_H */
