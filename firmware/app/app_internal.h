/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_internal.h - what the files of the application share.
 */
#ifndef QRES_APP_INTERNAL_H
#define QRES_APP_INTERNAL_H

#include "app.h"

#define SECOND_US 1000000u
#define HOUR_US 3600000000u

static inline uint64_t app_now(const app *a)
{
    return a->port->now_us(a->port->ctx);
}

static inline void app_log(const app *a, port_level level, const char *word, int32_t x, int32_t y)
{
    a->port->log(a->port->ctx, level, word, x, y);
}

/* 32 bits as the signed number that the log takes. */
int32_t app_bits(uint32_t x);

/* ---- persist.c: what outlives a reset */
/* Load the state record; sets tx_not_before, governor, rain, rate. Returns the time that it was written [us], 0 if none. */
uint64_t app_load(app *a);
/* Write it. Returns PORT_OK or PORT_ERR_FLASH. */
int app_save(app *a);
/* Make room for a phase's state records: a relay's frames are given too late to erase a sector first. */
void app_make_room(app *a);
/* What deep sleep and warm resets leave in RAM: counters of the gauges. */
void app_retain(app *a);
void app_recall(app *a);

/* ---- measure.c */
void app_look(app *a);   /* note the pulse counters */
void app_sample(app *a); /* answer QRES_DO_SAMPLE */
/* 1 if the battery is below its limit by `above_mv` or less; unknown voltage: 0. */
int app_battery_low(app *a, uint32_t above_mv);

/* ---- send.c */
/* Do what is next about the pending transmission. Returns the moment [us] of the next step of it. */
uint64_t app_send_step(app *a);
void app_send(app *a, const qres_action *action);

/* ---- console.c */
/* The next app_console_step opens the window in which the console may set the clock. */
void app_console_begin(app *a);
/* Read the console and answer. Returns 1 while the window is open: nothing else is to be done. */
int app_console_step(app *a);

/* ---- search.c */
void app_search_begin(app *a);
void app_search_step(app *a);

/* The clock was found wrong by `step_us`: set it. */
void app_set_clock(app *a, int64_t step_us);
/* Make the replica anew, from the snapshot if there is one. Call with a known clock. */
void app_make_node(app *a);

#endif /* QRES_APP_INTERNAL_H */
