/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sx126x_bus.h - commands of the chip, for the parts of the driver only.
 *
 * Nothing here starts a transmission: SetTx and the power amplifier's commands
 * are in sx126x_tx.c.
 */
#ifndef QRES_SX126X_BUS_H
#define QRES_SX126X_BUS_H

#include "sx126x.h"

/* Data sheet tables 11-1 to 11-5. */
enum {
    SX126X_CLEAR_IRQ = 0x02,
    SX126X_CLEAR_ERRORS = 0x07,
    SX126X_DIO_IRQ_PARAMS = 0x08,
    SX126X_WRITE_REGISTER = 0x0D,
    SX126X_WRITE_BUFFER = 0x0E,
    SX126X_GET_IRQ = 0x12,
    SX126X_GET_RX_BUFFER = 0x13,
    SX126X_GET_PACKET_STATUS = 0x14,
    SX126X_GET_RSSI = 0x15,
    SX126X_GET_ERRORS = 0x17,
    SX126X_READ_REGISTER = 0x1D,
    SX126X_READ_BUFFER = 0x1E,
    SX126X_SET_STANDBY = 0x80,
    SX126X_SET_RX = 0x82,
    SX126X_SET_SLEEP = 0x84,
    SX126X_SET_FREQUENCY = 0x86,
    SX126X_SET_CAD_PARAMS = 0x88,
    SX126X_CALIBRATE = 0x89,
    SX126X_SET_PACKET_TYPE = 0x8A,
    SX126X_SET_MODULATION = 0x8B,
    SX126X_SET_PACKET = 0x8C,
    SX126X_SET_BUFFER_BASE = 0x8F,
    SX126X_SET_FALLBACK = 0x93,
    SX126X_SET_REGULATOR = 0x96,
    SX126X_SET_TCXO = 0x97,
    SX126X_CALIBRATE_IMAGE = 0x98,
    SX126X_SET_RF_SWITCH = 0x9D,
    SX126X_GET_STATUS = 0xC0,
    SX126X_SET_CAD = 0xC5
};

/* Interrupts, data sheet table 13-29. */
enum {
    SX126X_IRQ_SENT = 1 << 0,
    SX126X_IRQ_RECEIVED = 1 << 1,
    SX126X_IRQ_HEADER_ERROR = 1 << 5,
    SX126X_IRQ_CRC_ERROR = 1 << 6,
    SX126X_IRQ_CAD_DONE = 1 << 7,
    SX126X_IRQ_CAD_FOUND = 1 << 8,
    SX126X_IRQ_TIMEOUT = 1 << 9
};

/* Chip modes of the status byte, data sheet table 13-76. */
enum { SX126X_STANDBY_RC = 2, SX126X_STANDBY_XOSC = 3, SX126X_MODE_RX = 5, SX126X_MODE_SENDING = 6 };

/* Registers, data sheet table 12-1 and chapter 15. */
enum {
    SX126X_REG_IQ = 0x0736,
    SX126X_REG_SYNC_WORD = 0x0740,
    SX126X_REG_FREQ_ERROR = 0x076B,
    SX126X_REG_RX_GAIN = 0x08AC,
    SX126X_REG_RETENTION = 0x029F,
    SX126X_REG_RTC_CONTROL = 0x0902,
    SX126X_REG_EVENT_MASK = 0x0944
};

#define SX126X_DATA_MAX 10 /* [bytes] of arguments of a command */

/* Wait until BUSY is low. Returns 0 or RADIO_ERR_BUSY. */
int sx126x_ready(const sx126x *radio);
/* Send opcode and arguments. Returns 0 or an error. */
int sx126x_command(sx126x *radio, uint8_t opcode, const uint8_t *data, size_t len);
/* Ask; the answer follows the status byte. `len` <= SX126X_DATA_MAX. Returns 0 or an error. */
int sx126x_query(sx126x *radio, uint8_t opcode, uint8_t *answer, size_t len);
int sx126x_write_register(sx126x *radio, uint16_t address, const uint8_t *data, size_t len);
int sx126x_read_register(sx126x *radio, uint16_t address, uint8_t *data, size_t len);
/* Read a register, replace the bits of `mask`, write it. */
int sx126x_change_register(sx126x *radio, uint16_t address, uint8_t mask, uint8_t bits);
/* Data buffer, from `offset`. len 1..255. */
int sx126x_write_buffer(sx126x *radio, uint8_t offset, const uint8_t *data, size_t len);
int sx126x_read_buffer(sx126x *radio, uint8_t offset, uint8_t *data, size_t len);
/* Status byte; RADIO_ERR_CHIP if nothing sensible answers, RADIO_ERR_STATUS if the last command failed. */
int sx126x_check(sx126x *radio);
/* The same, and the chip must be in `mode`, or RADIO_ERR_MODE. */
int sx126x_check_mode(sx126x *radio, unsigned mode);
/* Interrupts that are set. */
int sx126x_interrupts(sx126x *radio, uint16_t *interrupts);
int sx126x_clear_interrupts(sx126x *radio, uint16_t interrupts);
/* Interrupts that raise DIO1. */
int sx126x_route_interrupts(sx126x *radio, uint16_t interrupts);
/* Packet format for a payload of `len` bytes; 255 to receive. */
int sx126x_packet(sx126x *radio, size_t len);
/* [us] of one symbol of the channel, rounded up. */
uint32_t sx126x_symbol_us(const qres_lora *lora);
void sx126x_rf(const sx126x *radio, int position);

#endif /* QRES_SX126X_BUS_H */
