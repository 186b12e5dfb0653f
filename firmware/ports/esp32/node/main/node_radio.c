/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "board_hw.h"
#include "esp_task_wdt.h"
#include "node.h"

#if BOARD_RADIO == 1276
#define radio_send sx127x_send
#else
#define radio_send sx126x_send
#endif

#define HAND_OVER_US 100000u /* before its moment a frame goes to the driver, which then waits awake */

static board_radio s_radio;
static const radio_io *s_io;
static radio_channel s_channel;
static bool s_works;

static bool start(void)
{
    s_works = s_io != NULL &&
              board_radio_start(&s_radio, s_io, &board_radio_settings, &s_channel) == 0;
    return s_works;
}

int node_radio_start(const port_radio_config *config)
{
    s_channel = (radio_channel){
        .lora = config->lora,
        .freq_hz = config->freq_hz,
        .power_dbm = config->tx_power_dbm,
        .sync_word = config->sync_word,
    };
    s_io = board_radio_io(node_now_us, true);
    if (!start() || board_radio_sleep(&s_radio) != 0) {
        s_works = false;
        return PORT_ERR_RADIO;
    }
    return PORT_OK;
}

bool node_radio_works(void)
{
    return s_works;
}

int node_radio_tx(uint64_t at_us, const uint8_t *bytes, uint32_t len)
{
    if (!s_works) {
        return PORT_ERR_RADIO;
    }
    while (at_us > node_now_us() + HAND_OVER_US) {
        node_sleep_light(at_us - HAND_OVER_US);
    }
    int err = radio_send(&s_radio, bytes, len, at_us, NULL);
    if (err == RADIO_ERR_LATE) {
        return PORT_ERR_LATE;
    }
    if (err != 0 || board_radio_sleep(&s_radio) != 0) {
        s_works = false;
        return PORT_ERR_RADIO;
    }
    return PORT_OK;
}

int node_radio_rx(uint64_t until_us, port_frame *frame)
{
    static radio_frame heard; /* 300 bytes that the stack need not hold */

    if (!s_works) {
        return PORT_ERR_RADIO;
    }
    for (;;) {
        int result = board_radio_receive(&s_radio, until_us, &heard);
        if (result == 1) {
            break;
        }
        if (result == 0) {
            return 0;
        }
        if (result != RADIO_ERR_CRC && result != RADIO_ERR_HEADER && result != RADIO_ERR_LENGTH) {
            s_works = false;
            return PORT_ERR_RADIO;
        }
    }
    frame->end_us = heard.end_us;
    frame->rssi_cdbm = heard.rssi_cdbm;
    frame->snr_cdb = heard.snr_cdb;
    frame->len = heard.len;
    memcpy(frame->bytes, heard.bytes, heard.len);
    return 1;
}

void node_radio_sleep(void)
{
    if (s_works && board_radio_sleep(&s_radio) != 0) {
        s_works = false; /* the next call says so, and the application starts it anew */
    }
}
