/* SPDX-License-Identifier: Apache-2.0 */
/* Reset, configuration and sleep of the SX126x. Sections are those of the data sheet. */
#include "sx126x_bus.h"

#define RESET_US 200u        /* [us] pulse, at least 100 us (8.1) */
#define RESET_DONE_US 5000u  /* [us] until BUSY means something */
#define SLEEP_US 500u        /* [us] until a sleeping chip may be woken (9.3) */

enum { LORA = 1, CALIBRATE_ALL = 0x7F, FALLBACK_STANDBY_RC = 0x20, SLEEP_WARM = 0x04 };

/* Codes of the bandwidths in the order of qres_lora_bw_hz, table 13-47. */
static const uint8_t bandwidth_code[] = {0x00, 0x08, 0x01, 0x09, 0x02, 0x0A, 0x03, 0x04, 0x05, 0x06};

/* Supply of a TCXO by code, table 13-35. [mV] */
static const uint16_t tcxo_mv[] = {1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300};

/* Image calibration, table 9-2: up to which frequency which pair of arguments. */
typedef struct {
    uint16_t lo_mhz, hi_mhz;
    uint8_t arguments[2];
} image_band;

static const image_band image_bands[] = {
    {430, 440, {0x6B, 0x6F}}, {470, 510, {0x75, 0x81}}, {779, 787, {0xC1, 0xC5}},
    {863, 870, {0xD7, 0xDB}}, {902, 928, {0xE1, 0xE9}},
};

static int bandwidth_index(uint32_t bw_hz)
{
    for (unsigned i = 0; i < sizeof bandwidth_code; i++) {
        if (qres_lora_bw_hz(i) == bw_hz) {
            return (int)i;
        }
    }
    return -1;
}

static int tcxo_code(uint16_t mv)
{
    for (unsigned i = 0; i < sizeof tcxo_mv / sizeof tcxo_mv[0]; i++) {
        if (tcxo_mv[i] == mv) {
            return (int)i;
        }
    }
    return -1;
}

static int arguments_ok(const radio_io *io, const sx126x_board *board, const radio_channel *channel)
{
    if (io == NULL || board == NULL || channel == NULL || io->transfer == NULL || io->busy == NULL ||
        io->wait_irq == NULL || io->reset == NULL || io->delay_us == NULL || io->now_us == NULL) {
        return 0;
    }
    const qres_lora *lora = &channel->lora;
    return (board->chip == SX126X_SX1261 || board->chip == SX126X_SX1262) &&
           (board->tcxo_mv == 0 || tcxo_code(board->tcxo_mv) >= 0) &&
           channel->freq_hz >= 150000000u && channel->freq_hz <= 960000000u &&
           bandwidth_index(lora->bw_hz) >= 0 && lora->sf >= QRES_SF_MIN && lora->sf <= QRES_SF_MAX &&
           lora->cr >= 1 && lora->cr <= QRES_CR_MAX && lora->preamble_symbols >= 1;
}

/* Reset and look whether a chip of this family answers. */
static int reset(sx126x *radio)
{
    const radio_io *io = radio->io;
    uint8_t sync[2] = {0, 0};

    io->reset(io->ctx, 1);
    io->delay_us(io->ctx, RESET_US);
    io->reset(io->ctx, 0);
    io->delay_us(io->ctx, RESET_DONE_US);
    int err = sx126x_check(radio);
    if (err != 0 && err != RADIO_ERR_STATUS) { /* what the last command did before the reset */
        return err;
    }
    err = sx126x_read_register(radio, SX126X_REG_SYNC_WORD, sync, sizeof sync);
    if (err != 0) {
        return err;
    }
    return sync[0] == 0x14 && sync[1] == 0x24 ? 0 : RADIO_ERR_CHIP; /* reset values, table 12-1 */
}

/* Supplies and oscillator, then calibrate everything with the oscillator that will be used. */
static int start_clock(sx126x *radio)
{
    const uint8_t rc = 0, dcdc = radio->board.dcdc != 0 ? 1 : 0, all = CALIBRATE_ALL;
    const uint8_t none[2] = {0, 0};
    int err = sx126x_command(radio, SX126X_SET_STANDBY, &rc, 1);

    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_REGULATOR, &dcdc, 1);
    }
    if (err == 0 && radio->board.tcxo_mv != 0) {
        uint32_t steps = ((uint32_t)radio->board.tcxo_start_us * 64u + 999u) / 1000u; /* 15.625 us */
        const uint8_t data[4] = {(uint8_t)tcxo_code(radio->board.tcxo_mv), (uint8_t)(steps >> 16),
                                 (uint8_t)(steps >> 8 & 0xFFu), (uint8_t)(steps & 0xFFu)};
        err = sx126x_command(radio, SX126X_SET_TCXO, data, sizeof data);
    }
    if (err == 0) { /* a TCXO could not start at power-on: that error is an old one (13.3.6) */
        err = sx126x_command(radio, SX126X_CLEAR_ERRORS, none, sizeof none);
    }
    return err == 0 ? sx126x_command(radio, SX126X_CALIBRATE, &all, 1) : err;
}

/* Outside the bands of table 9-2 the factory calibration for 902-928 MHz stays. */
static int calibrate_image(sx126x *radio)
{
    uint32_t mhz = radio->channel.freq_hz / 1000000u;

    for (unsigned i = 0; i < sizeof image_bands / sizeof image_bands[0]; i++) {
        if (mhz >= image_bands[i].lo_mhz && mhz <= image_bands[i].hi_mhz) {
            return sx126x_command(radio, SX126X_CALIBRATE_IMAGE, image_bands[i].arguments, 2);
        }
    }
    return 0;
}

static int device_errors(sx126x *radio)
{
    uint8_t answer[2] = {0, 0};
    int err = sx126x_query(radio, SX126X_GET_ERRORS, answer, sizeof answer);

    if (err != 0) {
        return err;
    }
    radio->device_errors = (uint16_t)((unsigned)answer[0] << 8 | answer[1]);
    return radio->device_errors == 0 ? 0 : RADIO_ERR_DEVICE;
}

static int set_channel(sx126x *radio)
{
    const radio_channel *c = &radio->channel;
    const uint8_t packet_type = LORA, base[2] = {0, 0}, fallback = FALLBACK_STANDBY_RC;
    /* frequency = steps * 32 MHz / 2^25 (13.4.1), rounded */
    uint32_t steps = (uint32_t)((((uint64_t)c->freq_hz << 25) + 16000000u) / 32000000u);
    const uint8_t frequency[4] = {(uint8_t)(steps >> 24), (uint8_t)(steps >> 16 & 0xFFu),
                                  (uint8_t)(steps >> 8 & 0xFFu), (uint8_t)(steps & 0xFFu)};
    const uint8_t modulation[4] = {c->lora.sf, bandwidth_code[bandwidth_index(c->lora.bw_hz)],
                                   c->lora.cr,
                                   qres_lora_ldro(c->lora.bw_hz, c->lora.sf) != 0 ? 1 : 0};
    /* the low nibbles are 4 always: 0x12 becomes 0x14 0x24 */
    const uint8_t sync[2] = {(uint8_t)((c->sync_word & 0xF0u) | 4u),
                             (uint8_t)(((unsigned)c->sync_word << 4 & 0xF0u) | 4u)};
    int err = sx126x_command(radio, SX126X_SET_PACKET_TYPE, &packet_type, 1);

    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_FALLBACK, &fallback, 1);
    }
    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_FREQUENCY, frequency, sizeof frequency);
    }
    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_MODULATION, modulation, sizeof modulation);
    }
    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_BUFFER_BASE, base, sizeof base);
    }
    if (err == 0) {
        err = sx126x_write_register(radio, SX126X_REG_SYNC_WORD, sync, sizeof sync);
    }
    return err == 0 ? sx126x_packet(radio, QRES_PHY_PAYLOAD_MAX) : err;
}

/* Gain of the receiver, and that it outlives sleep (9.6). */
static int set_gain(sx126x *radio)
{
    const uint8_t gain = radio->board.rx_boost != 0 ? 0x96 : 0x94;
    const uint8_t keep[3] = {1, SX126X_REG_RX_GAIN >> 8, SX126X_REG_RX_GAIN & 0xFF};
    int err = sx126x_write_register(radio, SX126X_REG_RX_GAIN, &gain, 1);

    return err == 0 ? sx126x_write_register(radio, SX126X_REG_RETENTION, keep, sizeof keep) : err;
}

int sx126x_start(sx126x *radio, const radio_io *io, const sx126x_board *board,
                 const radio_channel *channel)
{
    if (radio == NULL || !arguments_ok(io, board, channel)) {
        return RADIO_ERR_ARG;
    }
    radio->io = io;
    radio->board = *board;
    radio->channel = *channel;
    radio->asleep = 0;
    radio->listening = 0;
    radio->device_errors = 0;
    radio->counters.restarts++;
    sx126x_rf(radio, RADIO_RF_OFF);
    int err = reset(radio);
    if (err == 0) {
        err = start_clock(radio);
    }
    if (err == 0) {
        err = calibrate_image(radio);
    }
    if (err == 0) {
        err = device_errors(radio);
    }
    if (err == 0 && board->dio2_rf_switch != 0) {
        const uint8_t on = 1;
        err = sx126x_command(radio, SX126X_SET_RF_SWITCH, &on, 1);
    }
    if (err == 0) {
        err = set_channel(radio);
    }
    if (err == 0) {
        err = set_gain(radio);
    }
    return err == 0 ? sx126x_check_mode(radio, SX126X_STANDBY_RC) : err;
}

/* Select low wakes the chip; BUSY is high until it is awake (9.3). */
static int wake(sx126x *radio)
{
    const uint8_t out[2] = {SX126X_GET_STATUS, 0};
    uint8_t in[2];

    if (radio->io->transfer(radio->io->ctx, out, in, sizeof out) != 0) {
        return RADIO_ERR_SPI;
    }
    radio->io->delay_us(radio->io->ctx, RADIO_BUSY_POLL_US);
    radio->asleep = 0;
    return sx126x_ready(radio);
}

int sx126x_standby(sx126x *radio)
{
    const uint8_t rc = 0;

    if (radio->io == NULL) {
        return RADIO_ERR_ARG; /* never started */
    }
    int err = radio->asleep != 0 ? wake(radio) : 0;
    radio->listening = 0;
    sx126x_rf(radio, RADIO_RF_OFF);
    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_STANDBY, &rc, 1);
    }
    return err == 0 ? sx126x_check_mode(radio, SX126X_STANDBY_RC) : err;
}

int sx126x_sleep(sx126x *radio)
{
    const uint8_t warm = SLEEP_WARM;

    if (radio->asleep != 0) {
        return 0;
    }
    int err = sx126x_standby(radio);
    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_SLEEP, &warm, 1);
    }
    if (err == 0) {
        radio->asleep = 1;
        radio->io->delay_us(radio->io->ctx, SLEEP_US);
    }
    return err;
}
