/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.h - the application of a node: sample, commit, decide, send, listen, sleep.
 *
 *   static app node;              RAM: about 100 KB, APP_BYTES_MAX
 *   int main(void) { port p = ...; return app_run(&node, &p); }
 *
 * What goes on is said through port.log as a word and two numbers; README.md
 * lists them.
 */
#ifndef QRES_APP_H
#define QRES_APP_H

#include "gauges.h"
#include "port.h"
#include "provision.h"
#include "qres.h"
#include "quality.h"
#include "ring.h"
#include "snapshot.h"
#include "store.h"
#include "time_line.h"

typedef enum {
    APP_RUN = 0,      /* the clock is known */
    APP_SEARCH = 1,   /* listening for a BEACON to learn the time */
    APP_HIBERNATE = 2 /* the battery is low: deep sleep, nothing else */
} app_mode;

/* Counted since start; for the log and for tests. */
typedef struct {
    uint32_t sent, refused_airtime, refused_flash, radio_errors, radio_late, heard, refused;
    uint32_t samples, jumps, searches, hibernations, flash_errors;
} app_counters;

typedef struct {
    const port *port;
    qres_provision who;
    qres_field field;
    qres_node node;
    qres_governor governor;
    store state;
    ring raw_log;
    snapshot replica;
    quality quality;
    gauges gauges;
    qres_action pending;      /* a transmission whose moment is still to come */
    uint8_t has_pending;
    uint8_t is_paid;          /* it is booked in governor and store */
    uint8_t mode;             /* app_mode */
    uint8_t has_ring;
    uint8_t has_old_news;     /* 1: a report of a committed phase came since the last commit */
    uint8_t clock_known;      /* 0 until the first BEACON, or a clock from the port */
    uint8_t console;          /* console.c: 0 closed, 1 to be opened, 2 open for a time */
    time_line line;           /* what has come of a line */
    uint64_t console_until_us;/* [us] until when a time is taken from the console */
    uint64_t floor_us;        /* [us] Unix: no earlier time can be true */
    uint32_t tx_not_before;   /* as the store has it */
    uint32_t saved_base;      /* phase of the base that the snapshot has */
    uint32_t saved_until;     /* newest phase whose reports came from the snapshot */
    uint32_t saved_adopted;   /* counters.adopted then */
    uint32_t checkpoints;     /* that were whole, as the log has it */
    uint64_t contact_us;      /* [us] when a neighbour was last heard, or a search ended */
    uint64_t search_until_us; /* [us] end of the present listening or pause */
    uint32_t search_round;
    uint8_t search_pause;     /* 1: pausing */
    uint64_t saved_us;        /* [us] when the state record was last written */
    uint64_t saved_rain_um;
    int32_t rate_ppb;         /* [1e-9] of the crystal, from before the reset */
    app_counters counters;
} app;

/*
 * Start: read who this node is and what it knew. No radio yet.
 * Returns 0, or QRES_ERR_FORMAT or another of qres_provision_read: this board is no node.
 */
int app_start(app *a, const port *p);

/* One step of the loop: sleeps, listens or computes, and returns. */
void app_step(app *a);

/* app_start, then app_step for ever. Returns only if app_start fails. */
int app_run(app *a, const port *p);

#endif /* QRES_APP_H */
