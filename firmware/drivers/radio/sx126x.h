/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sx126x.h - driver for the Semtech SX1261, SX1262 and LLCC68 in LoRa mode.
 *
 * Three parts, linked as needed: sx126x.c (common), sx126x_rx.c, sx126x_tx.c.
 * A receiver that leaves out the last cannot transmit: the opcodes and power
 * settings for it are nowhere else.
 *
 * Source: Semtech DS_SX1261-2 (data sheet), sections named where used, and
 * chapter 15 "Known limitations".
 */
#ifndef QRES_SX126X_H
#define QRES_SX126X_H

#include "radio.h"

/* cffi: begin */
enum { SX126X_SX1261 = 1, SX126X_SX1262 = 2 };

/* What the board around the chip is like. */
typedef struct {
    uint16_t tcxo_mv;          /* [mV] of DIO3 for a TCXO: 1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300; 0: crystal */
    uint16_t tcxo_start_us;    /* [us] until the TCXO is stable */
    uint8_t chip;              /* SX126X_SX1261 or SX126X_SX1262 */
    uint8_t dio2_rf_switch;    /* 1: DIO2 drives the RF switch */
    uint8_t dcdc;              /* 1: the board has the DC-DC inductor */
    uint8_t rx_boost;          /* 1: 0.7 mA more for about 2 dB of sensitivity */
} sx126x_board;

typedef struct {
    const radio_io *io;
    sx126x_board board;
    radio_channel channel;
    radio_counters counters;
    uint16_t device_errors;    /* as GetDeviceErrors gave it when RADIO_ERR_DEVICE was returned */
    uint8_t status;            /* last status byte read */
    uint8_t asleep;            /* 1: after sx126x_sleep */
    uint8_t listening;         /* 1: after sx126x_listen */
} sx126x;

/*
 * Reset the chip and configure it for a channel; it is in standby afterwards.
 * Also the way back from any error. The counters are kept if `radio` was used before
 * (zero it the first time).
 *
 * Returns 0 or RADIO_ERR_ARG, _BUSY, _SPI, _CHIP, _STATUS, _MODE, _DEVICE.
 */
int sx126x_start(sx126x *radio, const radio_io *io, const sx126x_board *board,
                 const radio_channel *channel);

/* Standby on the internal oscillator; ends listening. Wakes the chip. Returns 0 or an error. */
int sx126x_standby(sx126x *radio);

/* Sleep with the configuration kept (600 nA, data sheet table 3-5). Returns 0 or an error. */
int sx126x_sleep(sx126x *radio);

/* ---- sx126x_rx.c */

/*
 * Listen without end, until sx126x_standby. The chip goes on listening after each frame.
 * Returns 0 or an error.
 */
int sx126x_listen(sx126x *radio);

/*
 * Wait for a frame, at most until `until_us`. Listens if it is not yet listening.
 *
 * Returns 1 with a frame, 0 if there was none until `until_us`, or an error. After
 * RADIO_ERR_CRC, _HEADER, _LENGTH the chip still listens; after any other, start it anew.
 */
int sx126x_receive(sx126x *radio, uint64_t until_us, radio_frame *frame);

/*
 * Is somebody sending on this channel? Channel activity detection over four symbols,
 * then standby. Returns 1 if so, 0 if not, or an error.
 */
int sx126x_cad(sx126x *radio);

/* [0.01 dBm] of the moment, while listening. Returns 0 or an error. */
int sx126x_rssi(sx126x *radio, int16_t *rssi_cdbm);

/* ---- sx126x_tx.c */

/*
 * Send a frame at a moment and wait until it is out; then standby.
 *
 *   at_us   in   [us] start of the preamble, on the port's clock. Later than
 *                RADIO_LATE_US after it nothing is sent
 *   end_us  out  [us] end of transmission; NULL if not wanted
 *
 * Whether it may be sent is the governor's matter, not the driver's.
 * Returns 0, RADIO_ERR_LATE, or another error; after any error but LATE and ARG it is
 * unknown whether the frame went out.
 */
int sx126x_send(sx126x *radio, const uint8_t *bytes, size_t len, uint64_t at_us, uint64_t *end_us);
/* cffi: end */

#endif /* QRES_SX126X_H */
