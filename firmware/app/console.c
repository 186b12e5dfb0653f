/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time over the console: how the first node of a field learns it.
 *
 * For CONSOLE_US after a start without a clock the node waits for a line (time_line.h) with its
 * radio off and without light sleep, in which USB would vanish. What came before that is thrown
 * away: a time that lay in a buffer is an old one. Afterwards a line is answered, not believed.
 */
#include "app_internal.h"
#include "time_line.h"

enum { CONSOLE_CLOSED = 0, CONSOLE_TO_OPEN = 1, CONSOLE_OPEN = 2, /* app.console */
       PIECE = 32, LOOK_US = 20000 };
#define CONSOLE_US (15 * (uint64_t)SECOND_US)
#define STALE_MAX 64u /* pieces that are thrown away at most: a line that never falls silent */

void app_console_begin(app *a)
{
    if (a->port->console_read != NULL) {
        a->console = CONSOLE_TO_OPEN;
    }
}

static void open_window(app *a)
{
    uint8_t stale[PIECE];
    uint32_t n = 1;
    for (uint32_t i = 0; i < STALE_MAX && n != 0; i++) {
        n = a->port->console_read(a->port->ctx, stale, sizeof stale);
    }
    a->line.len = 0;
    a->console = CONSOLE_OPEN;
    a->console_until_us = app_now(a) + CONSOLE_US;
    app_log(a, PORT_LOG_INFO, "console", (int32_t)(CONSOLE_US / SECOND_US), 0);
}

/* Start the node with a time from outside, unless it cannot be true. */
static int believe(app *a, uint64_t unix_us)
{
    uint32_t phase;
    if (a->console != CONSOLE_OPEN || a->clock_known) {
        return TIME_LINE_CLOSED;
    }
    if (unix_us < a->floor_us) {
        return TIME_LINE_EARLY;
    }
    app_set_clock(a, (int64_t)(unix_us - app_now(a)));
    a->console = CONSOLE_CLOSED;
    a->clock_known = 1;
    a->search_round = 0;
    a->contact_us = unix_us;
    phase = (uint32_t)(unix_us / a->field.phase_us);
    if (a->tx_not_before <= phase) {
        a->tx_not_before = phase + 1; /* what this board has sent in this phase is not known */
    }
    if (a->mode == APP_SEARCH) {
        a->mode = APP_RUN; /* a low battery stays one */
    }
    app_make_node(a);
    return TIME_LINE_OK;
}

static void take(app *a, uint8_t byte)
{
    uint64_t unix_us = 0;
    int rc = time_line_take(&a->line, byte, &unix_us);
    if (rc == TIME_LINE_OK) {
        rc = believe(a, unix_us);
    }
    if (rc != TIME_LINE_NONE) {
        app_log(a, rc == TIME_LINE_OK ? PORT_LOG_INFO : PORT_LOG_WARN, "time", rc,
                app_bits((uint32_t)(unix_us / SECOND_US)));
    }
}

int app_console_step(app *a)
{
    uint8_t bytes[PIECE];
    uint32_t n;
    if (a->port->console_read == NULL) {
        return 0;
    }
    if (a->console == CONSOLE_TO_OPEN) {
        open_window(a);
    }
    n = a->port->console_read(a->port->ctx, bytes, sizeof bytes);
    for (uint32_t i = 0; i < n && i < sizeof bytes; i++) {
        take(a, bytes[i]);
    }
    if (a->console == CONSOLE_OPEN && app_now(a) >= a->console_until_us) {
        a->console = CONSOLE_CLOSED;
    }
    if (a->console == CONSOLE_OPEN && n == 0) {
        a->port->delay_us(a->port->ctx, LOOK_US);
    }
    return a->console == CONSOLE_OPEN;
}
