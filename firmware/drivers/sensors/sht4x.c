/* SPDX-License-Identifier: Apache-2.0 */
#include "sht4x.h"

enum { MEASURE_HIGH = 0xFD, ANSWER = 6 };

uint8_t sht4x_crc(const uint8_t *data, size_t len)
{
    uint8_t crc = 0xFF;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint8_t)((crc & 0x80u) != 0 ? (unsigned)crc << 1 ^ 0x31u : (unsigned)crc << 1);
        }
    }
    return crc;
}

/* offset + span * raw / 65535 in Q16.16, rounded */
static int32_t scaled(int32_t offset, int32_t span, uint16_t raw)
{
    return offset * 65536 + (int32_t)(((int64_t)span * 65536 * raw + 32767) / 65535);
}

int32_t sht4x_temp_degc(uint16_t raw)
{
    return scaled(-45, 175, raw);
}

int32_t sht4x_rh_pct(uint16_t raw)
{
    int32_t rh = scaled(-6, 125, raw);

    return rh < 0 ? 0 : rh > 100 * 65536 ? 100 * 65536 : rh;
}

int sht4x_start(void *ctx)
{
    const sht4x *part = ctx;
    const uint8_t command = MEASURE_HIGH;

    return part->bus->write(part->bus->ctx, part->address, &command, 1) == 0 ? 0 : SENSOR_ERR_BUS;
}

int sht4x_read(void *ctx, sensor_raw *raw)
{
    const sht4x *part = ctx;
    uint8_t answer[ANSWER];

    if (part->bus->read(part->bus->ctx, part->address, answer, sizeof answer) != 0) {
        return SENSOR_ERR_BUS; /* also while it still measures: it does not acknowledge then */
    }
    if (sht4x_crc(answer, 2) != answer[2] || sht4x_crc(&answer[3], 2) != answer[5]) {
        return SENSOR_ERR_CRC;
    }
    raw->temp_degc = sht4x_temp_degc((uint16_t)((unsigned)answer[0] << 8 | answer[1]));
    raw->rh_pct = sht4x_rh_pct((uint16_t)((unsigned)answer[3] << 8 | answer[4]));
    return 0;
}
