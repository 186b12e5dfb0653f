/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: both radio drivers, the sensors and the sniffer on a bus that answers anything. */
#include <string.h>

#include "axp.h"
#include "bme280.h"
#include "sht4x.h"
#include "sniffer.h"
#include "sx126x.h"
#include "sx127x.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *at, *end;
    uint64_t now_us;
} s_in;

static uint8_t next(void)
{
    return s_in.at < s_in.end ? *s_in.at++ : 0;
}

static int transfer(void *ctx, const uint8_t *out, uint8_t *in, size_t len)
{
    (void)ctx;
    (void)out;
    s_in.now_us += len;
    for (size_t i = 0; i < len; i++) {
        in[i] = next();
    }
    return (next() & 0x3f) == 0x3f;
}

static int busy(void *ctx)
{
    (void)ctx;
    return (next() & 7) == 7;
}

static int wait_irq(void *ctx, uint64_t until_us, uint64_t *edge_us)
{
    (void)ctx;
    s_in.now_us = until_us;
    *edge_us = until_us - next();
    return next() & 1;
}

static void reset(void *ctx, int asserted)
{
    (void)ctx;
    (void)asserted;
}

static void delay_us(void *ctx, uint32_t us)
{
    (void)ctx;
    s_in.now_us += us;
}

static uint64_t now_us(void *ctx)
{
    (void)ctx;
    return s_in.now_us++;
}

static int i2c_write(void *ctx, uint8_t address, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)address;
    (void)bytes;
    (void)len;
    return (next() & 0x3f) == 0x3f;
}

static int i2c_read(void *ctx, uint8_t address, uint8_t *bytes, size_t len)
{
    (void)address;
    return transfer(ctx, bytes, bytes, len);
}

static const radio_io io = {NULL, transfer, busy, wait_irq, reset, delay_us, now_us, NULL};
static const i2c_io bus = {NULL, i2c_write, i2c_read};

static void drive_radio(const radio_channel *channel)
{
    static const sx126x_board board = {1800, 5000, SX126X_SX1262, 1, 1, 0};
    static const sx127x_board old = {0, 1};
    record_writer writer = {{0}, 0};
    uint8_t line[RECORD_LINE_MAX];
    sx126x radio;
    sx127x older;
    radio_frame frame;

    memset(&radio, 0, sizeof radio);
    memset(&older, 0, sizeof older);
    (void)sx126x_start(&radio, &io, &board, channel);
    (void)sx127x_start(&older, &io, &old, channel);
    for (int i = 0; i < 8; i++) {
        if (sx126x_receive(&radio, s_in.now_us + 1000, &frame) == 1) {
            (void)record_frame(&writer, channel, &frame, line);
        }
        (void)sx127x_receive(&older, s_in.now_us + 1000, &frame);
    }
    (void)sx126x_send(&radio, line, 6, s_in.now_us + 5000, NULL);
    (void)sx127x_send(&older, line, 6, s_in.now_us + 5000, NULL);
    (void)sx126x_cad(&radio);
    (void)sx127x_cad(&older);
    (void)sx126x_sleep(&radio);
    (void)sx127x_sleep(&older);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sensor_raw raw = SENSOR_RAW_NONE;
    sht4x sht = {&bus, SHT4X_ADDRESS};
    bme280 bme;
    radio_channel channel = {{125000, 8, 7, 1, 1, 0}, 869525000, 14, 0x12, 0};

    s_in.at = data;
    s_in.end = data + size;
    s_in.now_us = 1000000;
    channel.lora.sf = (uint8_t)(5 + next() % 8);
    channel.lora.bw_hz = qres_lora_bw_hz(next() % 10u);
    drive_radio(&channel);
    memset(&bme, 0, sizeof bme);
    bme.bus = &bus;
    for (int i = 0; i < 4; i++) {
        (void)sht4x_start(&sht);
        (void)sht4x_read(&sht, &raw);
        (void)bme280_start(&bme);
        (void)bme280_read(&bme, &raw);
        (void)axp_feed_radio(&bus);
        (void)axp_battery_mv(&bus);
    }
    return 0;
}
