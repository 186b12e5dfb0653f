/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving with the SX126x. Sections are those of the data sheet. */
#include "sx126x_bus.h"
#include "radio_bits.h"

#define RX_CONTINUOUS 0xFFu /* each of the three bytes of the timeout (13.1.5) */
#define CAD_SYMBOLS 4u
#define CAD_MARGIN_US 20000u

enum {
    RX_INTERRUPTS = SX126X_IRQ_RECEIVED | SX126X_IRQ_HEADER_ERROR | SX126X_IRQ_CRC_ERROR |
                    SX126X_IRQ_TIMEOUT,
    CAD_INTERRUPTS = SX126X_IRQ_CAD_DONE | SX126X_IRQ_CAD_FOUND,
    CAD_FOUR_SYMBOLS = 2,
    CAD_THEN_STANDBY = 0,
    CAD_MIN = 10,
    HEADER_HAS_CRC = 0x10
};

/*
 * Correlator peaks for four symbols, SF5..12: Semtech SWL2001, ral_sx126x.c, one less than
 * for two symbols as AN1200.48 has it; 500 kHz apart.
 */
static const uint8_t cad_peak[2][8] = {
    {18, 19, 21, 21, 23, 24, 25, 28},
    {18, 19, 20, 21, 22, 22, 25, 29},
};

int sx126x_listen(sx126x *radio)
{
    const uint8_t forever[3] = {RX_CONTINUOUS, RX_CONTINUOUS, RX_CONTINUOUS};
    int err = sx126x_standby(radio);

    if (err == 0) {
        err = sx126x_packet(radio, QRES_PHY_PAYLOAD_MAX);
    }
    if (err == 0) {
        err = sx126x_route_interrupts(radio, RX_INTERRUPTS);
    }
    if (err == 0) {
        err = sx126x_clear_interrupts(radio, 0xFFFFu);
    }
    if (err == 0) {
        sx126x_rf(radio, RADIO_RF_RECEIVE);
        err = sx126x_command(radio, SX126X_SET_RX, forever, sizeof forever);
    }
    if (err == 0) {
        err = sx126x_check_mode(radio, SX126X_MODE_RX);
    }
    radio->listening = err == 0 ? 1 : 0;
    return err;
}

/*
 * Offset of the sender [Hz] from the modem's estimate: 20 bits, signed, in units of
 * 1.55 * bandwidth / 1.6 MHz. The register is not in the data sheet; source: RadioLib,
 * SX126x::getFrequencyError. Not measured on hardware.
 */
static int32_t frequency_error_hz(const uint8_t *raw, uint32_t bw_hz)
{
    return (int32_t)((int64_t)radio_signed_20(raw) * 155 * (int64_t)bw_hz / (100 * (int64_t)1600000));
}

/* The frame that the chip holds. */
static int fetch(sx126x *radio, radio_frame *frame)
{
    const qres_lora *lora = &radio->channel.lora;
    uint8_t where[2] = {0, 0}, signal[3] = {0, 0, 0}, modem[3] = {0, 0, 0};
    int err = sx126x_query(radio, SX126X_GET_RX_BUFFER, where, sizeof where);

    if (err == 0) {
        err = sx126x_query(radio, SX126X_GET_PACKET_STATUS, signal, sizeof signal);
    }
    if (err == 0) {
        err = sx126x_read_register(radio, SX126X_REG_FREQ_ERROR, modem, sizeof modem);
    }
    if (err != 0) {
        return err;
    }
    if (where[0] == 0) {
        radio->counters.empty++;
        return RADIO_ERR_LENGTH;
    }
    if (lora->crc != 0 && lora->implicit_header == 0 && (modem[0] & HEADER_HAS_CRC) == 0) {
        radio->counters.crc_errors++; /* whether a CRC follows is the sender's choice: refuse */
        return RADIO_ERR_CRC;
    }
    frame->len = where[0];
    frame->rssi_cdbm = (int16_t)(-50 * (int)signal[0]); /* table 13-81: -value / 2 dBm */
    int snr = signal[1] < 128 ? (int)signal[1] : (int)signal[1] - 256;
    frame->snr_cdb = (int16_t)(25 * snr); /* value / 4 dB */
    frame->freq_error_hz = frequency_error_hz(modem, lora->bw_hz);
    return sx126x_read_buffer(radio, where[1], frame->bytes, frame->len);
}

/* Data sheet 15.3: after a reception with implicit header the timer must be stopped by hand. */
static int stop_timer(sx126x *radio)
{
    const uint8_t stop = 0;

    if (radio->channel.lora.implicit_header == 0) {
        return 0;
    }
    int err = sx126x_write_register(radio, SX126X_REG_RTC_CONTROL, &stop, 1);
    return err == 0 ? sx126x_change_register(radio, SX126X_REG_EVENT_MASK, 1u << 1, 1u << 1) : err;
}

/* What one interrupt of the receiver means: 1 with a frame, or an error. */
static int received(sx126x *radio, unsigned interrupts, radio_frame *frame)
{
    if ((interrupts & SX126X_IRQ_HEADER_ERROR) != 0) {
        radio->counters.header_errors++;
        return RADIO_ERR_HEADER;
    }
    if ((interrupts & SX126X_IRQ_CRC_ERROR) != 0) {
        radio->counters.crc_errors++;
        return RADIO_ERR_CRC;
    }
    if ((interrupts & SX126X_IRQ_RECEIVED) == 0) {
        return RADIO_ERR_MODE; /* a timeout: the chip does not listen without end any more */
    }
    int err = fetch(radio, frame);
    if (err != 0) {
        return err;
    }
    radio->counters.frames++;
    return 1;
}

int sx126x_receive(sx126x *radio, uint64_t until_us, radio_frame *frame)
{
    const radio_io *io = radio->io;
    uint16_t interrupts = 0;
    uint64_t edge_us = 0;
    int err = radio->listening != 0 ? 0 : sx126x_listen(radio);

    if (err != 0) {
        return err;
    }
    int edge = io->wait_irq(io->ctx, until_us, &edge_us);
    err = sx126x_interrupts(radio, &interrupts);
    if (err == 0 && interrupts == 0) {
        err = sx126x_check_mode(radio, SX126X_MODE_RX);
        /* a line that is high without an interrupt is broken: waiting on it would spin */
        return err != 0 ? err : edge != 0 ? RADIO_ERR_CHIP : 0;
    }
    if (err != 0) {
        return err;
    }
    frame->end_uncertain = edge != 0 ? 0 : 1;
    frame->end_us = edge != 0 ? edge_us : io->now_us(io->ctx);
    radio->counters.irq_missed += edge != 0 ? 0u : 1u;
    int result = received(radio, interrupts, frame);
    err = sx126x_clear_interrupts(radio, 0xFFFFu);
    if (err == 0) {
        err = stop_timer(radio);
    }
    return err != 0 ? err : result;
}

int sx126x_cad(sx126x *radio)
{
    const radio_io *io = radio->io;
    const qres_lora *lora = &radio->channel.lora;

    if (io == NULL) {
        return RADIO_ERR_ARG; /* never started: there is no channel yet */
    }
    const uint8_t peak = cad_peak[lora->bw_hz == 500000u ? 1 : 0][lora->sf - QRES_SF_MIN];
    const uint8_t parameters[7] = {CAD_FOUR_SYMBOLS, peak, CAD_MIN, CAD_THEN_STANDBY, 0, 0, 0};
    uint16_t interrupts = 0;
    uint64_t edge_us = 0;
    int err = sx126x_standby(radio);

    if (err == 0) {
        err = sx126x_command(radio, SX126X_SET_CAD_PARAMS, parameters, sizeof parameters);
    }
    if (err == 0) {
        err = sx126x_route_interrupts(radio, CAD_INTERRUPTS);
    }
    if (err == 0) {
        err = sx126x_clear_interrupts(radio, 0xFFFFu);
    }
    if (err == 0) {
        sx126x_rf(radio, RADIO_RF_RECEIVE);
        err = sx126x_command(radio, SX126X_SET_CAD, NULL, 0);
    }
    if (err != 0) {
        return err;
    }
    uint64_t wait_us = 2u * (uint64_t)(CAD_SYMBOLS + 1u) * sx126x_symbol_us(lora) + CAD_MARGIN_US;
    (void)io->wait_irq(io->ctx, io->now_us(io->ctx) + wait_us, &edge_us);
    err = sx126x_interrupts(radio, &interrupts);
    if (err == 0) {
        err = sx126x_clear_interrupts(radio, 0xFFFFu);
    }
    int end = sx126x_standby(radio);
    if (err != 0 || end != 0) {
        return err != 0 ? err : end;
    }
    if ((interrupts & SX126X_IRQ_CAD_DONE) == 0) {
        return RADIO_ERR_TIMEOUT;
    }
    return (interrupts & SX126X_IRQ_CAD_FOUND) != 0 ? 1 : 0;
}

int sx126x_rssi(sx126x *radio, int16_t *rssi_cdbm)
{
    uint8_t raw = 0;

    if (radio->listening == 0) {
        return RADIO_ERR_ARG;
    }
    int err = sx126x_query(radio, SX126X_GET_RSSI, &raw, 1);
    if (err == 0) {
        *rssi_cdbm = (int16_t)(-50 * (int)raw); /* table 13-83 */
    }
    return err;
}
