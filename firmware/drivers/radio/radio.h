/* SPDX-License-Identifier: Apache-2.0 */
/*
 * radio.h - what the LoRa radio drivers have in common: how they reach the
 * hardware, what can go wrong, what a channel and a received frame are.
 *
 * C99, no allocation, no global state, no floating point. Every wait is
 * bounded by a count of polls, not only by the clock: a chip that never
 * answers, or a clock that stands still, ends in an error code.
 */
#ifndef QRES_RADIO_DRIVER_H
#define QRES_RADIO_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "qres_radio.h"

/* cffi: begin */
/* What a driver function returns when it is not 0. README.md of this folder says what to do. */
enum {
    RADIO_ERR_ARG = -1,      /* an argument is outside its range, or the radio was never started; nothing was sent to it */
    RADIO_ERR_BUSY = -2,     /* BUSY stays high: no power, no clock, or a broken wire */
    RADIO_ERR_SPI = -3,      /* the bus itself failed */
    RADIO_ERR_CHIP = -4,     /* what answers is not this chip (floating or shorted MISO) */
    RADIO_ERR_STATUS = -5,   /* the chip refused a command */
    RADIO_ERR_MODE = -6,     /* the chip is not in the mode it was sent to: it has reset itself */
    RADIO_ERR_DEVICE = -7,   /* the chip reports that its oscillator, PLL or calibration failed */
    RADIO_ERR_TIMEOUT = -8,  /* what should have ended has not */
    RADIO_ERR_CRC = -9,      /* a frame came whose payload CRC is wrong; the frame is dropped */
    RADIO_ERR_HEADER = -10,  /* a frame came whose PHY header is damaged; the frame is dropped */
    RADIO_ERR_LENGTH = -11,  /* a frame came without a payload; it is dropped */
    RADIO_ERR_LATE = -12     /* the moment to send has already passed; nothing was sent */
};

#define RADIO_LATE_US 10000         /* [us] a frame may start this much after its moment */
#define RADIO_BUSY_POLL_US 20       /* [us] between two looks at BUSY */
#define RADIO_FREQ_ERROR_UNKNOWN (-2147483647 - 1)

/*
 * The way to the hardware, filled by a port. `ctx` is handed back first in
 * every call. All must be given, except where NULL is allowed.
 */
typedef struct {
    void *ctx;
    /* One SPI transaction: select low, `len` bytes each way, select high. Returns 0, or not if the bus failed. */
    int (*transfer)(void *ctx, const uint8_t *out, uint8_t *in, size_t len);
    /* Level of BUSY, 1 while the chip works. NULL for chips without it. */
    int (*busy)(void *ctx);
    /*
     * Wait until the interrupt line (DIO1; DIO0 of the SX127x) is high, at most
     * until `until_us`. May sleep. Returns 1 and the moment of the rising edge,
     * or 0. Must return once `until_us` has passed.
     */
    int (*wait_irq)(void *ctx, uint64_t until_us, uint64_t *edge_us);
    void (*reset)(void *ctx, int asserted); /* 1: hold the chip's reset pin at its active level */
    void (*delay_us)(void *ctx, uint32_t us);
    uint64_t (*now_us)(void *ctx);
    /* An RF switch that the chip does not drive itself. NULL if there is none. */
    void (*rf_switch)(void *ctx, int position); /* RADIO_RF_* */
} radio_io;

enum { RADIO_RF_OFF, RADIO_RF_RECEIVE, RADIO_RF_SEND };

/* What to listen to and to send with. */
typedef struct {
    qres_lora lora;
    uint32_t freq_hz;      /* [Hz] 150000000..960000000 for SX1262, 137000000..1020000000 for SX1276 */
    int16_t power_dbm;     /* [dBm] at the chip's output, sending only */
    uint8_t sync_word;     /* 0x12 for private networks */
    uint8_t invert_iq;     /* 1: inverted IQ; 0 between nodes */
} radio_channel;

/* One frame as it was received, CRC right. */
typedef struct {
    uint64_t end_us;       /* [us] end of reception on the port's clock */
    int16_t rssi_cdbm;     /* [0.01 dBm] averaged over the frame */
    int16_t snr_cdb;       /* [0.01 dB] */
    int32_t freq_error_hz; /* [Hz] sender minus receiver, or RADIO_FREQ_ERROR_UNKNOWN */
    uint8_t end_uncertain; /* 1: the interrupt edge was missed; end_us is when it was noticed */
    uint8_t len;           /* [bytes] 1..255 */
    uint8_t bytes[255];
} radio_frame;

/* What happened since the start; they wrap. */
typedef struct {
    uint32_t frames, crc_errors, header_errors, empty, irq_missed, restarts;
} radio_counters;
/* cffi: end */

#endif /* QRES_RADIO_DRIVER_H */
