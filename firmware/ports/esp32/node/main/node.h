/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - port.h on ESP-IDF, in parts. One node, one task: state is static in each file.
 */
#ifndef QRES_ESP32_NODE_H
#define QRES_ESP32_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* node_clock.c: Unix time, or time since some start, that runs through sleep and warm resets */
uint64_t node_now_us(void);
void node_set_clock(uint64_t now_us);
port_clock node_clock_at_start(port_reset reset);
/* Remember when a deep sleep began, so that its whole length is known afterwards, tips or none. */
void node_clock_before_deep_sleep(void);

/* node_console.c: what came over the board's serial line */
uint32_t node_console_read(uint8_t *out, uint32_t len);

/* node_flash.c: a partition by name; bytes is 0 if there is none */
port_flash node_flash(const char *name, bool writable);

/* node_radio.c */
int node_radio_start(const port_radio_config *config);
int node_radio_tx(uint64_t at_us, const uint8_t *bytes, uint32_t len);
int node_radio_rx(uint64_t until_us, port_frame *frame);
void node_radio_sleep(void);
bool node_radio_works(void);

/* node_sense.c */
void node_sense(sensor_raw *raw);
void node_count(sensor_raw *raw);
port_fitted node_fitted(void);

/* node_sleep.c */
void node_sleep_light(uint64_t until_us);
void node_sleep_deep(uint64_t until_us);
/*
 * Woken from deep sleep by a gauge before its time: count, and sleep on without starting the
 * application. Returns if the application is to start.
 */
void node_sleep_resume(port_reset reset);

/* node_update.c */
bool node_update_is_new(void);
/* Confirm a new image once it has run for ten minutes with a radio that works. */
void node_update_look(void);

#endif /* QRES_ESP32_NODE_H */
