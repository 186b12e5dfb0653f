/* SPDX-License-Identifier: Apache-2.0 */
#include "time_line.h"

enum { BEGIN = 5, DIGITS_MAX = 17, CRC_DIGITS = 4 };

static uint32_t crc16(const uint8_t *p, uint32_t len)
{
    uint32_t crc = 0xffffu;
    for (uint32_t i = 0; i < len; i++) {
        crc ^= (uint32_t)p[i] << 8;
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000u) != 0 ? (crc << 1) ^ 0x1021u : crc << 1;
        }
        crc &= 0xffffu;
    }
    return crc;
}

/* Value of a hexadecimal digit, 16 for what is none. */
static uint32_t digit(uint8_t c)
{
    uint32_t x = c;
    if (x >= 0x30u && x <= 0x39u) {
        return x - 0x30u;
    }
    x |= 0x20u; /* small letters */
    return x >= 0x61u && x <= 0x66u ? x - 0x61u + 10u : 16u;
}

static int read_line(const uint8_t *p, uint32_t len, uint64_t *unix_us)
{
    uint64_t us = 0;
    uint32_t crc = 0;
    uint32_t at = BEGIN;
    while (at < len && digit(p[at]) < 10u) {
        us = us * 10u + digit(p[at]);
        at++;
    }
    if (at == BEGIN || at > BEGIN + DIGITS_MAX || at + 1u + CRC_DIGITS != len || p[at] != 0x20u) {
        return TIME_LINE_FORMAT;
    }
    for (uint32_t i = at + 1u; i < len; i++) {
        if (digit(p[i]) > 15u) {
            return TIME_LINE_FORMAT;
        }
        crc = crc * 16u + digit(p[i]);
    }
    if (crc != crc16(p, at)) {
        return TIME_LINE_CRC;
    }
    *unix_us = us;
    return TIME_LINE_OK;
}

int time_line_take(time_line *line, uint8_t byte, uint64_t *unix_us)
{
    static const uint8_t begin[BEGIN] = {0x74, 0x69, 0x6d, 0x65, 0x20}; /* "time " */
    uint32_t len = line->len;
    if (byte == 0x0du) {
        return TIME_LINE_NONE;
    }
    if (byte != 0x0au) {
        if (len < TIME_LINE_MAX) {
            line->bytes[len] = byte;
        }
        line->len = (uint8_t)(len < TIME_LINE_MAX ? len + 1u : TIME_LINE_MAX + 1u);
        return TIME_LINE_NONE;
    }
    line->len = 0;
    if (len < BEGIN) {
        return TIME_LINE_NONE;
    }
    for (uint32_t i = 0; i < BEGIN; i++) {
        if (line->bytes[i] != begin[i]) {
            return TIME_LINE_NONE;
        }
    }
    return len > TIME_LINE_MAX ? TIME_LINE_FORMAT : read_line(line->bytes, len, unix_us);
}
