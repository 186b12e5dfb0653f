/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver and nothing else: frames go to the serial line. What to listen to is compiled in, by
 * -DSNIFFER_FREQ_HZ=869525000 and so on; `qres site export` prints them for a site.
 */
#include <string.h>

#include "board_hw.h"
#include "esp_mac.h"
#include "esp_random.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "qres.h"
#include "serial_line.h"
#include "sniffer.h"

#ifndef SNIFFER_FREQ_HZ
#define SNIFFER_FREQ_HZ 869525000
#endif
#ifndef SNIFFER_BW_HZ
#define SNIFFER_BW_HZ 125000
#endif
#ifndef SNIFFER_SF
#define SNIFFER_SF 9
#endif
#ifndef SNIFFER_CR
#define SNIFFER_CR 1
#endif
#ifndef SNIFFER_PREAMBLE
#define SNIFFER_PREAMBLE 8
#endif

#define STR_(x) #x
#define STR(x) STR_(x)
#define PAUSE_MAX_US 1000000u

static board_radio s_radio;
static const radio_io *s_io;
static sniffer s_sniffer;

static uint64_t now_us(void *ctx)
{
    (void)ctx;
    return board_uptime_us();
}

static int radio_start(void *ctx)
{
    (void)ctx;
    if (s_io == NULL) {
        s_io = board_radio_io(board_uptime_us, false);
    }
    return s_io == NULL ? RADIO_ERR_SPI
                        : board_radio_start(&s_radio, s_io, &board_radio_settings, &s_sniffer.channel);
}

static int radio_receive(void *ctx, uint64_t until_us, radio_frame *frame)
{
    (void)ctx;
    return board_radio_receive(&s_radio, until_us, frame);
}

static const radio_counters *counters(void *ctx)
{
    (void)ctx;
    return &s_radio.counters;
}

static int write_line(void *ctx, const uint8_t *line, size_t len)
{
    (void)ctx;
    return serial_line_write(line, len);
}

static void pause_until(void *ctx, uint64_t until_us)
{
    uint64_t now = board_uptime_us();

    (void)ctx;
    if (until_us > now) {
        uint64_t us = until_us - now < PAUSE_MAX_US ? until_us - now : PAUSE_MAX_US;
        vTaskDelay(pdMS_TO_TICKS((uint32_t)us / 1000u) + 1);
    }
}

static uint8_t reset_code(void)
{
    switch (esp_reset_reason()) { /* as port_reset numbers them, port.h */
    case ESP_RST_BROWNOUT:
    case ESP_RST_PWR_GLITCH:
        return 1;
    case ESP_RST_TASK_WDT:
    case ESP_RST_INT_WDT:
    case ESP_RST_WDT:
        return 2;
    case ESP_RST_PANIC:
    case ESP_RST_CPU_LOCKUP:
    case ESP_RST_SW:
        return 3;
    default:
        return 0;
    }
}

void app_main(void); /* ESP-IDF calls it and declares it nowhere */

void app_main(void)
{
    static const sniffer_port port = {
        .now_us = now_us,
        .radio_start = radio_start,
        .radio_receive = radio_receive,
        .radio_counters_of = counters,
        .write = write_line,
        .pause = pause_until,
    };
    const radio_channel channel = {
        .lora = {.bw_hz = SNIFFER_BW_HZ, .preamble_symbols = SNIFFER_PREAMBLE, .sf = SNIFFER_SF,
                 .cr = SNIFFER_CR, .crc = 1},
        .freq_hz = SNIFFER_FREQ_HZ,
        .sync_word = 0x12,
    };
    record_identity identity = {.boot = esp_random(), .board = BOARD_CRC32, .reset = reset_code()};
    static const char version[] =
        STR(QRES_VERSION_MAJOR) "." STR(QRES_VERSION_MINOR) "." STR(QRES_VERSION_PATCH);
    uint8_t mac[6] = {0}, receiver[8];

    memcpy(identity.version, version,
           sizeof version < sizeof identity.version ? sizeof version : sizeof identity.version);
    esp_efuse_mac_get_default(mac);
    memcpy(receiver, mac, 3); /* EUI-64 of a MAC-48: FF FE in the middle */
    receiver[3] = 0xFF;
    receiver[4] = 0xFE;
    memcpy(&receiver[5], &mac[3], 3);
    serial_line_start();
    esp_task_wdt_add(NULL);
    board_power_start();
    sniffer_init(&s_sniffer, &port, &channel, &identity, receiver);
    for (;;) {
        sniffer_step(&s_sniffer);
        esp_task_wdt_reset();
    }
}
