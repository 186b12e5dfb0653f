/* SPDX-License-Identifier: Apache-2.0 */
/* Sending with the SX126x. A receiver leaves this file out. Sections are those of the data sheet. */
#include "sx126x_bus.h"
#include "radio_wait.h"

#define MARGIN_US 20000u      /* [us] on top of the airtime until the end is overdue */

enum {
    SET_SEND = 0x83,          /* table 11-1 */
    SET_POWER = 0x8E,
    SET_AMPLIFIER = 0x95,
    STANDBY_XOSC = 1,
    RAMP_40_US = 2,           /* table 13-41 */
    REG_MODULATION = 0x0889,
    REG_CLAMP = 0x08D8
};

/*
 * Settings of the amplifier. The rows with `exact` are those of table 13-21, least current for
 * one power; the power set beside them is what the table asks for. The data sheet says nothing
 * of powers in between: they take the last row, whose powers are in dBm.
 */
typedef struct {
    int8_t dbm, set_dbm;
    uint8_t duty_cycle, hp_max;
} amplifier;

static const amplifier sx1262_amplifier[] = {
    {14, 22, 2, 2}, {17, 22, 2, 3}, {20, 22, 3, 5}, {22, 22, 4, 7}};
static const amplifier sx1261_amplifier[] = {{10, 13, 1, 0}, {15, 14, 6, 0}, {14, 14, 4, 0}};

enum { SX1262_LEAST_DBM = -9, SX1262_MOST_DBM = 22, SX1261_LEAST_DBM = -17, SX1261_MOST_DBM = 15 };

static int set_power(sx126x *radio)
{
    int is_1261 = radio->board.chip == SX126X_SX1261;
    const amplifier *row = is_1261 ? sx1261_amplifier : sx1262_amplifier;
    unsigned rows = is_1261 ? sizeof sx1261_amplifier / sizeof sx1261_amplifier[0]
                            : sizeof sx1262_amplifier / sizeof sx1262_amplifier[0];
    int power = radio->channel.power_dbm;

    if (power < (is_1261 ? SX1261_LEAST_DBM : SX1262_LEAST_DBM) ||
        power > (is_1261 ? SX1261_MOST_DBM : SX1262_MOST_DBM)) {
        return RADIO_ERR_ARG;
    }
    if (is_1261 && power == SX1261_MOST_DBM && radio->channel.freq_hz < 400000000u) {
        return RADIO_ERR_ARG; /* paDutyCycle above 4 is forbidden below 400 MHz (13.1.14) */
    }
    unsigned i = 0;
    while (i + 1 < rows && row[i].dbm != power) {
        i++;
    }
    const uint8_t pa[4] = {row[i].duty_cycle, row[i].hp_max, is_1261 ? 1 : 0, 1};
    int err = sx126x_command(radio, SET_AMPLIFIER, pa, sizeof pa);
    if (err != 0) {
        return err;
    }
    int set = row[i].dbm == power ? row[i].set_dbm : power;
    const uint8_t params[2] = {(uint8_t)(set & 0xFF), RAMP_40_US};
    return sx126x_command(radio, SET_POWER, params, sizeof params);
}

/* Chapter 15.1 (500 kHz) and 15.2 (clamp of the amplifier, SX1262), before each transmission. */
static int apply_limitations(sx126x *radio)
{
    const uint8_t quality = radio->channel.lora.bw_hz == 500000u ? 0 : 1u << 2;
    int err = sx126x_change_register(radio, REG_MODULATION, 1u << 2, quality);

    if (err == 0 && radio->board.chip == SX126X_SX1262) {
        err = sx126x_change_register(radio, REG_CLAMP, 0x1E, 0x1E);
    }
    return err;
}

/* Everything but the last command. The oscillator runs from here on, so that the start is prompt. */
static int prepare(sx126x *radio, const uint8_t *bytes, size_t len)
{
    const uint8_t xosc = STANDBY_XOSC;
    int err = sx126x_standby(radio);

    if (err == 0) {
        err = set_power(radio);
    }
    if (err == 0) {
        err = apply_limitations(radio);
    }
    if (err == 0) {
        err = sx126x_packet(radio, len);
    }
    if (err == 0) {
        err = sx126x_write_buffer(radio, 0, bytes, len);
    }
    if (err == 0) {
        err = sx126x_route_interrupts(radio, SX126X_IRQ_SENT | SX126X_IRQ_TIMEOUT);
    }
    if (err == 0) {
        err = sx126x_clear_interrupts(radio, 0xFFFFu);
    }
    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_STANDBY, &xosc, 1);
    }
    return err == 0 ? sx126x_check_mode(radio, SX126X_STANDBY_XOSC) : err;
}

static int fire(sx126x *radio, uint32_t airtime_us)
{
    /* the chip's own limit, in 15.625 us, 24 bits: if the host dies it stops sending by itself */
    uint64_t steps = ((uint64_t)airtime_us + MARGIN_US) * 64u / 1000u;
    uint32_t limit = steps > 0xFFFFFEu ? 0xFFFFFEu : (uint32_t)steps;
    const uint8_t timeout[3] = {(uint8_t)(limit >> 16), (uint8_t)(limit >> 8 & 0xFFu),
                                (uint8_t)(limit & 0xFFu)};
    int err = sx126x_command(radio, SET_SEND, timeout, sizeof timeout);

    return err == 0 ? sx126x_check_mode(radio, SX126X_MODE_SENDING) : err;
}

static int finish(sx126x *radio, uint32_t airtime_us, uint64_t *end_us)
{
    const radio_io *io = radio->io;
    uint16_t interrupts = 0;
    uint64_t edge_us = 0;
    int edge = io->wait_irq(io->ctx, io->now_us(io->ctx) + airtime_us + MARGIN_US, &edge_us);
    int err = sx126x_interrupts(radio, &interrupts);

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
    if ((interrupts & SX126X_IRQ_SENT) == 0) {
        return RADIO_ERR_TIMEOUT;
    }
    return sx126x_clear_interrupts(radio, 0xFFFFu);
}

int sx126x_send(sx126x *radio, const uint8_t *bytes, size_t len, uint64_t at_us, uint64_t *end_us)
{
    const radio_io *io = radio->io;

    if (io == NULL || bytes == NULL || len == 0 || len > QRES_PHY_PAYLOAD_MAX) {
        return RADIO_ERR_ARG;
    }
    uint32_t airtime_us = qres_airtime_us(&radio->channel.lora, (uint32_t)len);
    uint64_t now = io->now_us(io->ctx);
    if (airtime_us == 0 || at_us > now + RADIO_AHEAD_US) {
        return RADIO_ERR_ARG;
    }
    int err = prepare(radio, bytes, len);
    if (err == 0) {
        err = radio_wait_until(io, at_us);
    }
    if (err == 0) {
        sx126x_rf(radio, RADIO_RF_SEND);
        err = fire(radio, airtime_us);
    }
    if (err == 0) {
        err = finish(radio, airtime_us, end_us);
    }
    int end = sx126x_standby(radio); /* whatever happened, do not stay on air */
    return err != 0 ? err : end;
}
