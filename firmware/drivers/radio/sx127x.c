/* SPDX-License-Identifier: Apache-2.0 */
/* Bus, reset, configuration and sleep of the SX127x. Sections are those of the data sheet. */
#include "sx127x_bus.h"

#include <string.h>

#define RESET_US 200u           /* [us] at least 100 us (7.2.2) */
#define RESET_DONE_US 6000u     /* [us] at least 5 ms (7.2.2) */
#define MODE_POLLS 100u         /* of 20 us: the oscillator starts in 250 us (table 10) */
#define CALIBRATION_POLLS 1000u /* of 20 us: about 10 ms (3.6.3) */
#define DATA_MAX QRES_PHY_PAYLOAD_MAX

enum { VERSION = 0x12, WRITE = 0x80, REG_CALIBRATION = 0x3B };

int sx127x_write(sx127x *radio, uint8_t address, const uint8_t *data, size_t len)
{
    uint8_t out[1 + DATA_MAX], in[1 + DATA_MAX];

    if (len == 0 || len > DATA_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = (uint8_t)(address | WRITE);
    (void)memcpy(&out[1], data, len);
    return radio->io->transfer(radio->io->ctx, out, in, len + 1) == 0 ? 0 : RADIO_ERR_SPI;
}

int sx127x_read(sx127x *radio, uint8_t address, uint8_t *data, size_t len)
{
    uint8_t out[1 + DATA_MAX] = {0}, in[1 + DATA_MAX];

    if (len == 0 || len > DATA_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = address;
    if (radio->io->transfer(radio->io->ctx, out, in, len + 1) != 0) {
        return RADIO_ERR_SPI;
    }
    (void)memcpy(data, &in[1], len);
    return 0;
}

int sx127x_put(sx127x *radio, uint8_t address, uint8_t value)
{
    return sx127x_write(radio, address, &value, 1);
}

int sx127x_change(sx127x *radio, uint8_t address, uint8_t mask, uint8_t bits)
{
    uint8_t value = 0;
    int err = sx127x_read(radio, address, &value, 1);

    if (err != 0) {
        return err;
    }
    return sx127x_put(radio, address, (uint8_t)((value & (uint8_t)~mask) | (bits & mask)));
}

int sx127x_mode_unchecked(sx127x *radio, uint8_t mode)
{
    return sx127x_put(radio, SX127X_REG_MODE, (uint8_t)(SX127X_LORA | mode));
}

int sx127x_mode(sx127x *radio, uint8_t mode)
{
    uint8_t seen = 0;
    int err = sx127x_mode_unchecked(radio, mode);

    for (unsigned i = 0; err == 0 && i < MODE_POLLS; i++) {
        err = sx127x_read(radio, SX127X_REG_MODE, &seen, 1);
        if (err == 0 && (seen & 0x87u) == (unsigned)(SX127X_LORA | mode)) {
            return 0;
        }
        radio->io->delay_us(radio->io->ctx, RADIO_BUSY_POLL_US);
    }
    return err != 0 ? err : RADIO_ERR_MODE;
}

void sx127x_rf(const sx127x *radio, int position)
{
    if (radio->io->rf_switch != NULL) {
        radio->io->rf_switch(radio->io->ctx, position);
    }
}

static int arguments_ok(const radio_io *io, const sx127x_board *board, const radio_channel *channel)
{
    if (io == NULL || board == NULL || channel == NULL || io->transfer == NULL ||
        io->wait_irq == NULL || io->reset == NULL || io->delay_us == NULL || io->now_us == NULL) {
        return 0;
    }
    const qres_lora *lora = &channel->lora;
    return channel->freq_hz >= 137000000u && channel->freq_hz <= 1020000000u && lora->sf >= 7 &&
           lora->sf <= QRES_SF_MAX && lora->cr >= 1 && lora->cr <= QRES_CR_MAX &&
           lora->preamble_symbols >= 6 && lora->implicit_header == 0 &&
           (lora->bw_hz == 62500u || lora->bw_hz == 125000u || lora->bw_hz == 250000u ||
            lora->bw_hz == 500000u);
}

static int set_frequency(sx127x *radio)
{
    /* frequency = steps * 32 MHz / 2^19 (4.1.4) */
    uint32_t steps = (uint32_t)((((uint64_t)radio->channel.freq_hz << 19) + 16000000u) / 32000000u);
    const uint8_t data[3] = {(uint8_t)(steps >> 16 & 0xFFu), (uint8_t)(steps >> 8 & 0xFFu),
                             (uint8_t)(steps & 0xFFu)};

    return sx127x_write(radio, SX127X_REG_FREQUENCY, data, sizeof data);
}

/* The chip calibrates itself at 434 MHz only: again at the frequency in use, in FSK mode (2.1.3.8). */
static int calibrate(sx127x *radio)
{
    uint8_t running = 0;
    int err = sx127x_put(radio, SX127X_REG_MODE, SX127X_SLEEP);

    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_MODE, SX127X_STANDBY);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_AMPLIFIER, 0); /* nothing may leak out meanwhile */
    }
    if (err == 0) {
        err = set_frequency(radio);
    }
    if (err == 0) {
        err = sx127x_change(radio, REG_CALIBRATION, 0x40, 0x40);
    }
    for (unsigned i = 0; err == 0 && i < CALIBRATION_POLLS; i++) {
        radio->io->delay_us(radio->io->ctx, RADIO_BUSY_POLL_US);
        err = sx127x_read(radio, REG_CALIBRATION, &running, 1);
        if (err == 0 && (running & 0x20u) == 0) {
            return sx127x_put(radio, SX127X_REG_MODE, SX127X_SLEEP);
        }
    }
    return err != 0 ? err : RADIO_ERR_DEVICE;
}

/* Errata note 2.1 (sensitivity at 500 kHz) and 2.3 (spurious reception). */
static int apply_errata(sx127x *radio)
{
    uint32_t mhz = radio->channel.freq_hz / 1000000u;
    int wide = radio->channel.lora.bw_hz == 500000u;
    uint8_t high = 0x03, value = 0x65; /* reset values */

    if (wide && mhz >= 862 && mhz <= 1020) {
        high = 0x02;
        value = 0x64;
    } else if (wide && mhz >= 410 && mhz <= 525) {
        high = 0x02;
        value = 0x7F;
    } else {
        /* the reset values are right */
    }
    int err = sx127x_put(radio, 0x36, high);
    if (err == 0) {
        err = sx127x_put(radio, 0x3A, value);
    }
    if (err == 0) {
        err = sx127x_change(radio, SX127X_REG_DETECT, 0x80, wide ? 0x80 : 0);
    }
    if (err == 0 && !wide) {
        const uint8_t receiver[2] = {0x40, 0x00};
        err = sx127x_write(radio, 0x2F, receiver, sizeof receiver);
    }
    return err;
}

static int set_channel(sx127x *radio)
{
    const radio_channel *c = &radio->channel;
    const qres_lora *l = &c->lora;
    uint8_t bw = l->bw_hz == 62500u ? 6 : l->bw_hz == 125000u ? 7 : l->bw_hz == 250000u ? 8 : 9;
    const uint8_t modem[2] = {(uint8_t)(bw << 4 | l->cr << 1),
                              (uint8_t)(l->sf << 4 | (l->crc != 0 ? 4 : 0))};
    const uint8_t preamble[2] = {(uint8_t)(l->preamble_symbols >> 8),
                                 (uint8_t)(l->preamble_symbols & 0xFFu)};
    const uint8_t automatic_gain = 0x04;
    const uint8_t modem_3 =
        (uint8_t)((qres_lora_ldro(l->bw_hz, l->sf) != 0 ? 0x08 : 0) | automatic_gain);
    const uint8_t fifo[2] = {0, 0};
    int err = set_frequency(radio);

    if (err == 0) {
        err = sx127x_write(radio, SX127X_REG_FIFO_BASE, fifo, sizeof fifo);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_LNA, 0x23); /* full gain; boosted above 525 MHz */
    }
    if (err == 0) {
        err = sx127x_write(radio, SX127X_REG_MODEM_1, modem, sizeof modem);
    }
    if (err == 0) {
        err = sx127x_write(radio, SX127X_REG_PREAMBLE, preamble, sizeof preamble);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_MODEM_3, modem_3);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_SYNC_WORD, c->sync_word);
    }
    if (err == 0) { /* receiver inverted: bit 6; transmitter: bit 0 is 1 for standard */
        err = sx127x_put(radio, SX127X_REG_IQ, c->invert_iq != 0 ? 0x66 : 0x27);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IQ_2, c->invert_iq != 0 ? 0x19 : 0x1D);
    }
    return err == 0 ? apply_errata(radio) : err;
}

int sx127x_start(sx127x *radio, const radio_io *io, const sx127x_board *board,
                 const radio_channel *channel)
{
    uint8_t version = 0;

    if (radio == NULL || !arguments_ok(io, board, channel)) {
        return RADIO_ERR_ARG;
    }
    radio->io = io;
    radio->board = *board;
    radio->channel = *channel;
    radio->asleep = 0;
    radio->listening = 0;
    radio->counters.restarts++;
    sx127x_rf(radio, RADIO_RF_OFF);
    io->reset(io->ctx, 1);
    io->delay_us(io->ctx, RESET_US);
    io->reset(io->ctx, 0);
    io->delay_us(io->ctx, RESET_DONE_US);
    int err = sx127x_read(radio, SX127X_REG_VERSION, &version, 1);
    if (err == 0 && version != VERSION) {
        return RADIO_ERR_CHIP;
    }
    if (err == 0 && board->tcxo != 0) {
        err = sx127x_put(radio, SX127X_REG_TCXO, 0x19);
    }
    if (err == 0) {
        err = calibrate(radio);
    }
    if (err == 0) { /* LoRa mode can be entered from sleep only (4.1) */
        err = sx127x_mode(radio, SX127X_SLEEP);
    }
    if (err == 0) {
        err = set_channel(radio);
    }
    return err == 0 ? sx127x_standby(radio) : err;
}

int sx127x_standby(sx127x *radio)
{
    if (radio->io == NULL) {
        return RADIO_ERR_ARG; /* never started */
    }
    radio->listening = 0;
    radio->asleep = 0;
    sx127x_rf(radio, RADIO_RF_OFF);
    return sx127x_mode(radio, SX127X_STANDBY);
}

int sx127x_sleep(sx127x *radio)
{
    if (radio->io == NULL) {
        return RADIO_ERR_ARG;
    }
    radio->listening = 0;
    sx127x_rf(radio, RADIO_RF_OFF);
    int err = sx127x_mode(radio, SX127X_SLEEP);
    radio->asleep = err == 0 ? 1 : 0;
    return err;
}
