/* SPDX-License-Identifier: Apache-2.0 */
/* i2c.h - how the sensor drivers reach the bus. */
#ifndef QRES_I2C_H
#define QRES_I2C_H

#include <stddef.h>
#include <stdint.h>

/* cffi: begin */
/* Filled by a port. Both return 0, or not if nobody acknowledged or the bus is stuck; both are bounded in time. */
typedef struct {
    void *ctx;
    int (*write)(void *ctx, uint8_t address, const uint8_t *data, size_t len);
    int (*read)(void *ctx, uint8_t address, uint8_t *data, size_t len);
} i2c_io;

/* What a sensor driver returns when it is not 0. */
enum {
    SENSOR_ERR_BUS = -1,    /* nobody answers */
    SENSOR_ERR_CRC = -2,    /* an answer was damaged */
    SENSOR_ERR_CHIP = -3,   /* something else answers at this address */
    SENSOR_ERR_NOT_READY = -4 /* the measurement has not ended, or was never begun */
};
/* cffi: end */

#endif /* QRES_I2C_H */
