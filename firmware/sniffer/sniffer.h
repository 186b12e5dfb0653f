/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sniffer.h - listen for ever, and write what was heard to a line. Nothing here can transmit.
 *
 * A radio that fails is started anew, with pauses that grow to 60 s; the status record says so.
 */
#ifndef QRES_SNIFFER_H
#define QRES_SNIFFER_H

#include "record.h"

/* cffi: begin */
#define SNIFFER_SAY_US 10000000     /* [us] between two configuration and status records */
#define SNIFFER_PAUSE_MAX_US 60000000 /* [us] longest pause between two starts of a failed radio */

/* Filled by a port; `ctx` comes back first. */
typedef struct {
    void *ctx;
    uint64_t (*now_us)(void *ctx);
    /* sx126x_start or sx127x_start, sx126x_receive or sx127x_receive */
    int (*radio_start)(void *ctx);
    int (*radio_receive)(void *ctx, uint64_t until_us, radio_frame *frame);
    const radio_counters *(*radio_counters_of)(void *ctx);
    /* Write all of it or nothing, without waiting long. Returns 1 if it was written. */
    int (*write)(void *ctx, const uint8_t *line, size_t len);
    void (*pause)(void *ctx, uint64_t until_us);
} sniffer_port;

typedef struct {
    const sniffer_port *port;
    radio_channel channel;
    record_identity identity;
    record_writer writer;
    uint64_t say_us;       /* [us] when to say who and how it is */
    uint64_t start_us;     /* [us] when to start a failed radio */
    uint64_t pause_us;
    uint32_t dropped;      /* records that nobody read */
    int32_t radio_error;   /* last one, 0 none */
    uint8_t radio_works;
} sniffer;

void sniffer_init(sniffer *s, const sniffer_port *port, const radio_channel *channel,
                  const record_identity *identity, const uint8_t receiver[8]);
/* One round: at most SNIFFER_SAY_US long. The caller repeats it for ever. */
void sniffer_step(sniffer *s);
/* cffi: end */

#endif /* QRES_SNIFFER_H */
