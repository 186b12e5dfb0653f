/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sx127x.h - driver for the Semtech SX1276, 77, 78, 79 in LoRa mode, for older boards.
 *
 * SF7..12 and 62.5..500 kHz only: SF5 does not exist there, SF6 has no explicit header, and
 * narrower bandwidths need an offset of the receiver (errata note 2.3) that no site uses.
 * No BUSY line: radio_io.busy is not used. wait_irq waits for DIO0.
 *
 * Three parts like sx126x.h: without sx127x_tx.c nothing can be sent.
 * Source: Semtech SX1276 data sheet rev. 7, errata note SX1276/77/78 rev. 1.
 */
#ifndef QRES_SX127X_H
#define QRES_SX127X_H

#include "radio.h"

/* cffi: begin */
typedef struct {
    uint8_t tcxo;      /* 1: a TCXO feeds XTA; 0: crystal */
    uint8_t pa_boost;  /* 1: the antenna is on PA_BOOST, 2..17 and 20 dBm; 0: on RFO, 0..14 dBm */
} sx127x_board;

typedef struct {
    const radio_io *io;
    sx127x_board board;
    radio_channel channel;
    radio_counters counters;
    uint8_t asleep;
    uint8_t listening;
} sx127x;

/* The functions mean what those of sx126x.h mean; RADIO_ERR_BUSY, _STATUS do not occur. */
int sx127x_start(sx127x *radio, const radio_io *io, const sx127x_board *board,
                 const radio_channel *channel);
int sx127x_standby(sx127x *radio);
int sx127x_sleep(sx127x *radio);
int sx127x_listen(sx127x *radio);
int sx127x_receive(sx127x *radio, uint64_t until_us, radio_frame *frame);
int sx127x_cad(sx127x *radio);
int sx127x_send(sx127x *radio, const uint8_t *bytes, size_t len, uint64_t at_us, uint64_t *end_us);
/* cffi: end */

#endif /* QRES_SX127X_H */
