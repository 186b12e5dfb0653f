/* SPDX-License-Identifier: Apache-2.0 */
/* sx127x_bus.h - registers of the chip, for the parts of the driver only (data sheet, chapter 4.1, 6). */
#ifndef QRES_SX127X_BUS_H
#define QRES_SX127X_BUS_H

#include "sx127x.h"

enum {
    SX127X_REG_FIFO = 0x00,
    SX127X_REG_MODE = 0x01,
    SX127X_REG_FREQUENCY = 0x06,
    SX127X_REG_AMPLIFIER = 0x09,
    SX127X_REG_LNA = 0x0C,
    SX127X_REG_FIFO_AT = 0x0D,
    SX127X_REG_FIFO_BASE = 0x0E,
    SX127X_REG_FIFO_RECEIVED = 0x10,
    SX127X_REG_IRQ_MASK = 0x11,
    SX127X_REG_IRQ = 0x12,
    SX127X_REG_RECEIVED_LEN = 0x13,
    SX127X_REG_SIGNAL = 0x19,
    SX127X_REG_HOP = 0x1C,
    SX127X_REG_MODEM_1 = 0x1D,
    SX127X_REG_PREAMBLE = 0x20,
    SX127X_REG_LENGTH = 0x22,
    SX127X_REG_MODEM_3 = 0x26,
    SX127X_REG_FREQ_ERROR = 0x28,
    SX127X_REG_DETECT = 0x31,
    SX127X_REG_IQ = 0x33,
    SX127X_REG_SYNC_WORD = 0x39,
    SX127X_REG_IQ_2 = 0x3B,
    SX127X_REG_DIO = 0x40,
    SX127X_REG_VERSION = 0x42,
    SX127X_REG_TCXO = 0x4B
};

enum { SX127X_SLEEP = 0, SX127X_STANDBY = 1, SX127X_SENDING = 3, SX127X_RECEIVING = 5, SX127X_CAD = 7 };
enum { SX127X_LORA = 0x80 };

enum {
    SX127X_IRQ_CAD_FOUND = 0x01,
    SX127X_IRQ_CAD_DONE = 0x04,
    SX127X_IRQ_SENT = 0x08,
    SX127X_IRQ_CRC_ERROR = 0x20,
    SX127X_IRQ_RECEIVED = 0x40
};

int sx127x_write(sx127x *radio, uint8_t address, const uint8_t *data, size_t len);
int sx127x_read(sx127x *radio, uint8_t address, uint8_t *data, size_t len);
int sx127x_put(sx127x *radio, uint8_t address, uint8_t value);
int sx127x_change(sx127x *radio, uint8_t address, uint8_t mask, uint8_t bits);
/* Go to a LoRa mode and check that the chip took it: 0, RADIO_ERR_SPI or RADIO_ERR_MODE. */
int sx127x_mode(sx127x *radio, uint8_t mode);
/* The same without the check, for modes that may have ended already. */
int sx127x_mode_unchecked(sx127x *radio, uint8_t mode);
void sx127x_rf(const sx127x *radio, int position);

#endif /* QRES_SX127X_BUS_H */
