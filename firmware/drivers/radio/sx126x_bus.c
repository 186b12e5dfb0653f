/* SPDX-License-Identifier: Apache-2.0 */
#include "sx126x_bus.h"

#include <string.h>

/*
 * [us] longest that BUSY may last. Calibration of all blocks takes 3.5 ms and
 * a cold start with TCXO that long and its start-up time (data sheet 9.2.1,
 * 13.3.6); the rest is margin for cold.
 */
#define BUSY_MAX_US 20000u

int sx126x_ready(const sx126x *radio)
{
    const radio_io *io = radio->io;
    uint32_t polls = (BUSY_MAX_US + 2u * radio->board.tcxo_start_us) / RADIO_BUSY_POLL_US;

    for (uint32_t i = 0; i < polls; i++) {
        if (io->busy(io->ctx) == 0) {
            return 0;
        }
        io->delay_us(io->ctx, RADIO_BUSY_POLL_US);
    }
    return RADIO_ERR_BUSY;
}

/* One transaction once BUSY is low; `in` may be `out`. */
static int transact(sx126x *radio, const uint8_t *out, uint8_t *in, size_t len)
{
    int err = sx126x_ready(radio);

    if (err != 0) {
        return err;
    }
    return radio->io->transfer(radio->io->ctx, out, in, len) == 0 ? 0 : RADIO_ERR_SPI;
}

int sx126x_command(sx126x *radio, uint8_t opcode, const uint8_t *data, size_t len)
{
    uint8_t out[1 + SX126X_DATA_MAX], in[1 + SX126X_DATA_MAX];

    if (len > SX126X_DATA_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = opcode;
    if (len > 0) {
        (void)memcpy(&out[1], data, len);
    }
    return transact(radio, out, in, len + 1);
}

int sx126x_query(sx126x *radio, uint8_t opcode, uint8_t *answer, size_t len)
{
    uint8_t out[2 + SX126X_DATA_MAX] = {0}, in[2 + SX126X_DATA_MAX];

    if (len > SX126X_DATA_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = opcode;
    int err = transact(radio, out, in, len + 2);
    if (err != 0) {
        return err;
    }
    radio->status = in[1];
    (void)memcpy(answer, &in[2], len);
    return 0;
}

int sx126x_write_register(sx126x *radio, uint16_t address, const uint8_t *data, size_t len)
{
    uint8_t out[SX126X_DATA_MAX];

    if (len > SX126X_DATA_MAX - 2) {
        return RADIO_ERR_ARG;
    }
    out[0] = (uint8_t)(address >> 8);
    out[1] = (uint8_t)(address & 0xFFu);
    (void)memcpy(&out[2], data, len);
    return sx126x_command(radio, SX126X_WRITE_REGISTER, out, len + 2);
}

int sx126x_read_register(sx126x *radio, uint16_t address, uint8_t *data, size_t len)
{
    /* opcode, address, one byte in which the status comes, then the content (table 13-23) */
    uint8_t out[4 + SX126X_DATA_MAX] = {0}, in[4 + SX126X_DATA_MAX];

    if (len > SX126X_DATA_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = SX126X_READ_REGISTER;
    out[1] = (uint8_t)(address >> 8);
    out[2] = (uint8_t)(address & 0xFFu);
    int err = transact(radio, out, in, len + 4);
    if (err != 0) {
        return err;
    }
    (void)memcpy(data, &in[4], len);
    return 0;
}

int sx126x_change_register(sx126x *radio, uint16_t address, uint8_t mask, uint8_t bits)
{
    uint8_t value = 0;
    int err = sx126x_read_register(radio, address, &value, 1);

    if (err != 0) {
        return err;
    }
    value = (uint8_t)((value & (uint8_t)~mask) | (bits & mask));
    return sx126x_write_register(radio, address, &value, 1);
}

int sx126x_write_buffer(sx126x *radio, uint8_t offset, const uint8_t *data, size_t len)
{
    uint8_t out[2 + QRES_PHY_PAYLOAD_MAX], in[2 + QRES_PHY_PAYLOAD_MAX];

    if (len == 0 || len > QRES_PHY_PAYLOAD_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = SX126X_WRITE_BUFFER;
    out[1] = offset;
    (void)memcpy(&out[2], data, len);
    return transact(radio, out, in, len + 2);
}

int sx126x_read_buffer(sx126x *radio, uint8_t offset, uint8_t *data, size_t len)
{
    uint8_t out[3 + QRES_PHY_PAYLOAD_MAX] = {0}, in[3 + QRES_PHY_PAYLOAD_MAX];

    if (len == 0 || len > QRES_PHY_PAYLOAD_MAX) {
        return RADIO_ERR_ARG;
    }
    out[0] = SX126X_READ_BUFFER;
    out[1] = offset;
    int err = transact(radio, out, in, len + 3);
    if (err != 0) {
        return err;
    }
    (void)memcpy(data, &in[3], len);
    return 0;
}

int sx126x_check(sx126x *radio)
{
    uint8_t nothing = 0;
    int err = sx126x_query(radio, SX126X_GET_STATUS, &nothing, 0);

    if (err != 0) {
        return err;
    }
    unsigned mode = (radio->status >> 4) & 7u;
    unsigned outcome = (radio->status >> 1) & 7u;
    if (mode < SX126X_STANDBY_RC || mode > SX126X_MODE_SENDING) {
        return RADIO_ERR_CHIP; /* 0x00 and 0xFF: a bus on which nobody answers */
    }
    /* 3 timeout, 4 not understood, 5 not executed (table 13-76) */
    return outcome >= 3 && outcome <= 5 ? RADIO_ERR_STATUS : 0;
}

int sx126x_check_mode(sx126x *radio, unsigned mode)
{
    int err = sx126x_check(radio);

    if (err != 0) {
        return err;
    }
    return ((radio->status >> 4) & 7u) == mode ? 0 : RADIO_ERR_MODE;
}

int sx126x_interrupts(sx126x *radio, uint16_t *interrupts)
{
    uint8_t answer[2] = {0, 0};
    int err = sx126x_query(radio, SX126X_GET_IRQ, answer, sizeof answer);

    *interrupts = (uint16_t)((unsigned)answer[0] << 8 | answer[1]);
    return err;
}

int sx126x_clear_interrupts(sx126x *radio, uint16_t interrupts)
{
    const uint8_t data[2] = {(uint8_t)(interrupts >> 8), (uint8_t)(interrupts & 0xFFu)};

    return sx126x_command(radio, SX126X_CLEAR_IRQ, data, sizeof data);
}

int sx126x_route_interrupts(sx126x *radio, uint16_t interrupts)
{
    const uint8_t hi = (uint8_t)(interrupts >> 8), lo = (uint8_t)(interrupts & 0xFFu);
    const uint8_t data[8] = {hi, lo, hi, lo, 0, 0, 0, 0}; /* enabled; DIO1; DIO2; DIO3 */

    return sx126x_command(radio, SX126X_DIO_IRQ_PARAMS, data, sizeof data);
}

int sx126x_packet(sx126x *radio, size_t len)
{
    const radio_channel *c = &radio->channel;
    const uint8_t data[6] = {
        (uint8_t)(c->lora.preamble_symbols >> 8),
        (uint8_t)(c->lora.preamble_symbols & 0xFFu),
        c->lora.implicit_header != 0 ? 1 : 0,
        (uint8_t)len,
        c->lora.crc != 0 ? 1 : 0,
        c->invert_iq != 0 ? 1 : 0,
    };
    int err = sx126x_command(radio, SX126X_SET_PACKET, data, sizeof data);

    if (err != 0) {
        return err;
    }
    /* data sheet 15.4: bit 2 is 0 for inverted IQ, 1 for standard; SetPacketParams gets it wrong */
    return sx126x_change_register(radio, SX126X_REG_IQ, 1u << 2, c->invert_iq != 0 ? 0 : 1u << 2);
}

uint32_t sx126x_symbol_us(const qres_lora *lora)
{
    return (uint32_t)((((uint64_t)1000000 << lora->sf) + lora->bw_hz - 1) / lora->bw_hz);
}

void sx126x_rf(const sx126x *radio, int position)
{
    if (radio->io->rf_switch != NULL) {
        radio->io->rf_switch(radio->io->ctx, position);
    }
}
