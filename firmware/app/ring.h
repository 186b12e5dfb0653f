/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - the raw samples of months in a flash partition, oldest overwritten.
 *
 * Append-only, 32 bytes a sample; a power cut costs at most the sample that was
 * being written. When a sector begins, it is erased: a full ring loses its
 * oldest sector (126 samples of 4096 bytes), three days at 10 min.
 *
 *   sector  "QRG1" | u32 sequence | u32 CRC-32 of both | 20 bytes 0xff
 *   sample  see ring_sample, little-endian, u32 CRC-32 last
 */
#ifndef QRES_APP_RING_H
#define QRES_APP_RING_H

#include "port.h"

#define RING_SAMPLE_BYTES 32

/* What was measured, before any check. Missing: INT16_MIN or UINT16_MAX, as the type has it. */
typedef struct {
    uint32_t time_s;      /* [s] Unix time */
    uint32_t rain_um;     /* [um] accumulated */
    uint16_t wind_pulses; /* in the wind mean's time, clipped */
    uint16_t wind_s;      /* [s] that time */
    int16_t temp_cdegc;   /* [0.01 degC] */
    uint16_t rh_cpct;     /* [0.01 %] */
    uint16_t pressure_dhpa; /* [0.1 hPa] */
    uint16_t wind_dir_deg;
    uint16_t battery_mv;
    uint16_t panel_mv;
    uint8_t faults;       /* SENSOR_FAULT_* */
    uint8_t refused;      /* by the checks of quality.h, one bit a channel */
} ring_sample;

typedef struct {
    const port_flash *flash;
    uint32_t sequence; /* of the current sector, 0: there is none yet */
    uint32_t sector;
    uint32_t end;      /* [bytes] in the whole partition */
} ring;

/* Find the end. Whatever the flash holds, this ends well. PORT_ERR_FLASH: fewer than 2 sectors. */
int ring_open(ring *r, const port_flash *flash);

/* Append. Returns PORT_OK or PORT_ERR_FLASH; after an error the next call goes on behind it. */
int ring_append(ring *r, const ring_sample *sample);

/* Places of samples in the ring, valid or not; 0 is the oldest. */
uint32_t ring_count(const ring *r);

/* Read place `index`. Returns 1, or 0 if nothing valid is there. */
int ring_read(const ring *r, uint32_t index, ring_sample *sample);

#endif /* QRES_APP_RING_H */
