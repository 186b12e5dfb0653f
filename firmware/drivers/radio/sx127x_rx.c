/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving with the SX127x. Sections are those of the data sheet. */
#include "sx127x_bus.h"
#include "radio_bits.h"

#define CAD_MARGIN_US 20000u
#define LOW_BAND_HZ 525000000u /* [Hz] end of bands 2 and 3, table 32 */

enum { DIO0_RECEIVED = 0x00, DIO0_CAD = 0x80, HOP_HAS_CRC = 0x40 };

int sx127x_listen(sx127x *radio)
{
    int err = sx127x_standby(radio);

    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_DIO, DIO0_RECEIVED);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IRQ_MASK, (uint8_t)~(SX127X_IRQ_RECEIVED | SX127X_IRQ_CRC_ERROR));
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IRQ, 0xFF);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_FIFO_AT, 0);
    }
    if (err == 0) {
        sx127x_rf(radio, RADIO_RF_RECEIVE);
        err = sx127x_mode(radio, SX127X_RECEIVING);
    }
    radio->listening = err == 0 ? 1 : 0;
    return err;
}

/* Offset of the sender, 4.1.5: error * 2^24 / 32 MHz * bandwidth / 500 kHz. [Hz] */
static int32_t frequency_error_hz(const uint8_t *raw, uint32_t bw_hz)
{
    return (int32_t)((int64_t)radio_signed_20(raw) * 16777216 / 32000000 * (int64_t)bw_hz / 500000);
}

/* Strength of the frame, 5.5.5. */
static void judge_signal(const sx127x *radio, const uint8_t *signal, radio_frame *frame)
{
    int snr = signal[0] < 128 ? (int)signal[0] : (int)signal[0] - 256;
    int offset = radio->channel.freq_hz < LOW_BAND_HZ ? -16400 : -15700;

    frame->snr_cdb = (int16_t)(25 * snr);
    if (snr < 0) {
        frame->rssi_cdbm = (int16_t)(offset + 100 * (int)signal[1] + 25 * snr);
    } else {
        frame->rssi_cdbm = (int16_t)(offset + 100 * 16 * (int)signal[1] / 15);
    }
}

static int fetch(sx127x *radio, radio_frame *frame)
{
    uint8_t start = 0, len = 0, hop = 0, signal[2] = {0, 0}, error[3] = {0, 0, 0};
    int err = sx127x_read(radio, SX127X_REG_RECEIVED_LEN, &len, 1);

    if (err == 0) {
        err = sx127x_read(radio, SX127X_REG_FIFO_RECEIVED, &start, 1);
    }
    if (err == 0) {
        err = sx127x_read(radio, SX127X_REG_HOP, &hop, 1);
    }
    if (err == 0) {
        err = sx127x_read(radio, SX127X_REG_SIGNAL, signal, sizeof signal);
    }
    if (err == 0) {
        err = sx127x_read(radio, SX127X_REG_FREQ_ERROR, error, sizeof error);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_FIFO_AT, start);
    }
    if (err != 0) {
        return err;
    }
    if (len == 0) {
        radio->counters.empty++;
        return RADIO_ERR_LENGTH;
    }
    if (radio->channel.lora.crc != 0 && (hop & HOP_HAS_CRC) == 0) {
        radio->counters.crc_errors++; /* whether a CRC follows is the sender's choice: refuse */
        return RADIO_ERR_CRC;
    }
    frame->len = len;
    frame->freq_error_hz = frequency_error_hz(error, radio->channel.lora.bw_hz);
    judge_signal(radio, signal, frame);
    return sx127x_read(radio, SX127X_REG_FIFO, frame->bytes, len);
}

int sx127x_receive(sx127x *radio, uint64_t until_us, radio_frame *frame)
{
    const radio_io *io = radio->io;
    uint8_t interrupts = 0, mode = 0;
    uint64_t edge_us = 0;
    int err = radio->listening != 0 ? 0 : sx127x_listen(radio);

    if (err != 0) {
        return err;
    }
    int edge = io->wait_irq(io->ctx, until_us, &edge_us);
    err = sx127x_read(radio, SX127X_REG_IRQ, &interrupts, 1);
    if (err == 0) {
        err = sx127x_read(radio, SX127X_REG_MODE, &mode, 1);
    }
    if (err != 0) {
        return err;
    }
    if ((mode & 0x87u) != (unsigned)(SX127X_LORA | SX127X_RECEIVING)) {
        return RADIO_ERR_MODE; /* also what a silent bus reads as */
    }
    if ((interrupts & SX127X_IRQ_RECEIVED) == 0) {
        return edge != 0 ? RADIO_ERR_CHIP : 0; /* a line that is high without an interrupt */
    }
    frame->end_uncertain = edge != 0 ? 0 : 1;
    frame->end_us = edge != 0 ? edge_us : io->now_us(io->ctx);
    radio->counters.irq_missed += edge != 0 ? 0u : 1u;
    int result = 1;
    if ((interrupts & SX127X_IRQ_CRC_ERROR) != 0) {
        radio->counters.crc_errors++;
        result = RADIO_ERR_CRC;
    } else {
        err = fetch(radio, frame);
        radio->counters.frames += err == 0 ? 1u : 0u;
        result = err == 0 ? 1 : err;
    }
    err = sx127x_put(radio, SX127X_REG_IRQ, 0xFF);
    return err != 0 ? err : result;
}

int sx127x_cad(sx127x *radio)
{
    const radio_io *io = radio->io;
    const qres_lora *lora = &radio->channel.lora;
    uint8_t interrupts = 0;
    uint64_t edge_us = 0;
    int err = sx127x_standby(radio);

    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_DIO, DIO0_CAD);
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IRQ_MASK, (uint8_t)~(SX127X_IRQ_CAD_DONE | SX127X_IRQ_CAD_FOUND));
    }
    if (err == 0) {
        err = sx127x_put(radio, SX127X_REG_IRQ, 0xFF);
    }
    if (err == 0) {
        sx127x_rf(radio, RADIO_RF_RECEIVE);
        err = sx127x_mode_unchecked(radio, SX127X_CAD);
    }
    if (err != 0) {
        return err;
    }
    /* about two symbols (4.1.6) */
    uint64_t wait_us = (uint64_t)4000000 * ((uint64_t)1 << lora->sf) / lora->bw_hz + CAD_MARGIN_US;
    (void)io->wait_irq(io->ctx, io->now_us(io->ctx) + wait_us, &edge_us);
    err = sx127x_read(radio, SX127X_REG_IRQ, &interrupts, 1);
    int end = sx127x_standby(radio);
    if (err != 0 || end != 0) {
        return err != 0 ? err : end;
    }
    if ((interrupts & SX127X_IRQ_CAD_DONE) == 0) {
        return RADIO_ERR_TIMEOUT;
    }
    return (interrupts & SX127X_IRQ_CAD_FOUND) != 0 ? 1 : 0;
}
