/* SPDX-License-Identifier: Apache-2.0 */
/* Sending with the SX127x. A receiver leaves this file out. Sections are those of the data sheet. */
#include "sx127x_bus.h"
#include "radio_wait.h"

#define MARGIN_US 20000u      /* [us] on top of the airtime until the end is overdue */

enum {
    DIO0_SENT = 0x40,
    REG_PROTECTION = 0x0B,
    REG_HIGH_POWER = 0x4D,
    PA_BOOST = 0x80,
    HIGH_POWER = 0x87,        /* +20 dBm, table 35 */
    NORMAL_POWER = 0x84,
    LIMIT_100_MA = 0x2B,      /* RegOcp */
    LIMIT_140_MA = 0x31
};

static int set_power(sx127x *radio)
{
    int power = radio->channel.power_dbm;
    int boost = radio->board.pa_boost != 0, high = boost && power == 20;
    uint8_t amplifier;

    if (high) {
        amplifier = PA_BOOST | 15; /* 18 and 19 dBm do not exist (5.4.2) */
    } else if (boost && power >= 2 && power <= 17) {
        amplifier = (uint8_t)(PA_BOOST | (power - 2)); /* 17 - (15 - x) dBm, table 33 */
    } else if (!boost && power >= 0 && power <= 14) {
        amplifier = (uint8_t)(0x70 | power); /* 15 - (15 - x) dBm with MaxPower 7 */
    } else {
        return RADIO_ERR_ARG;
    }
    int err = sx127x_put(radio, REG_HIGH_POWER, high ? HIGH_POWER : NORMAL_POWER);
    if (err == 0) {
        err = sx127x_put(radio, REG_PROTECTION, high ? LIMIT_140_MA : LIMIT_100_MA);
    }
    return err == 0 ? sx127x_put(radio, SX127X_REG_AMPLIFIER, amplifier) : err;
}

static int prepare(sx127x *radio, const uint8_t *bytes, size_t len)
{
    int err = sx127x_standby(radio);

    if (err == 0) {
        err = set_power(radio);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_DIO, DIO0_SENT);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IRQ_MASK, (uint8_t)~SX127X_IRQ_SENT);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IRQ, 0xFF);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_LENGTH, (uint8_t)len);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_FIFO_AT, 0);
    }
    return err == 0 ? sx127x_write(radio, SX127X_REG_FIFO, bytes, len) : err;
}

static int finish(sx127x *radio, uint32_t airtime_us, uint64_t *end_us)
{
    const radio_io *io = radio->io;
    uint8_t interrupts = 0;
    uint64_t edge_us = 0;
    int edge = io->wait_irq(io->ctx, io->now_us(io->ctx) + airtime_us + MARGIN_US, &edge_us);
    int err = sx127x_read(radio, SX127X_REG_IRQ, &interrupts, 1);

    if (err != 0) {
        return err;
    }
    if (edge == 0) {
        edge_us = io->now_us(io->ctx);
        radio->counters.irq_missed++;
    }
    if (end_us != NULL) {
        *end_us = edge_us;
    }
    return (interrupts & SX127X_IRQ_SENT) != 0 ? 0 : RADIO_ERR_TIMEOUT;
}

int sx127x_send(sx127x *radio, const uint8_t *bytes, size_t len, uint64_t at_us, uint64_t *end_us)
{
    const radio_io *io = radio->io;

    if (io == NULL || bytes == NULL || len == 0 || len > QRES_PHY_PAYLOAD_MAX) {
        return RADIO_ERR_ARG;
    }
    uint32_t airtime_us = qres_airtime_us(&radio->channel.lora, (uint32_t)len);
    if (airtime_us == 0 || at_us > io->now_us(io->ctx) + RADIO_AHEAD_US) {
        return RADIO_ERR_ARG;
    }
    int err = prepare(radio, bytes, len);
    if (err == 0) {
        err = radio_wait_until(io, at_us);
    }
    if (err == 0) {
        sx127x_rf(radio, RADIO_RF_SEND);
        err = sx127x_mode(radio, SX127X_SENDING);
    }
    if (err == 0) {
        err = finish(radio, airtime_us, end_us);
    }
    int end = sx127x_standby(radio); /* whatever happened, do not stay on air */
    return err != 0 ? err : end;
}
