/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock is lost: listen until a BEACON says what time it is.
 *
 * Beacons come once an hour from members in turn, so a round of listening lasts two beacon
 * intervals and a bit. After a vain one the node pauses, longer each time: a receiver that is on
 * all the time takes as much as the panel of a dark week gives.
 */
#include "app_internal.h"

#define ROUND_US (2 * (uint64_t)HOUR_US + 300 * (uint64_t)SECOND_US)
#define PAUSE_MAX 6u /* [h] */
#define LISTEN_US (20 * (uint64_t)SECOND_US)

void app_search_begin(app *a)
{
    a->mode = APP_SEARCH;
    a->has_pending = 0;
    a->search_pause = 0;
    a->search_until_us = app_now(a) + ROUND_US;
    a->counters.searches++;
    app_log(a, PORT_LOG_WARN, "search", (int32_t)a->search_round, 0);
}

/* Earliest phase that is believed: none before what this node has lived through itself. */
static uint32_t earliest(const app *a)
{
    uint32_t lived = a->clock_known ? a->node.live.phase : 0;
    uint32_t sent = a->tx_not_before;
    if (a->clock_known && lived > a->field.phases_per_day) {
        lived -= a->field.phases_per_day; /* an own clock that ran ahead must not lock it out */
    }
    return sent > lived ? sent - 1 : lived;
}

/* Field time at the end of reception of a BEACON of `phase`. [us] */
static uint64_t beacon_end_us(const qres_field *f, uint32_t phase, uint32_t len)
{
    return phase * f->phase_us + f->lead_us + f->slots * f->slot_us + f->guard_us / 2
           + f->airtime_us[len];
}

static void found(app *a, const port_frame *frame, uint32_t phase)
{
    uint64_t truth = beacon_end_us(&a->field, phase, frame->len);
    int64_t step = (int64_t)(truth - frame->end_us);
    app_log(a, PORT_LOG_INFO, "found", app_bits(phase), 0);
    app_set_clock(a, step);
    a->search_round = 0;
    a->contact_us = app_now(a);
    a->mode = APP_RUN;
    /* A replica that went on with a wrong clock is of no use; a day's gap is folded over. */
    if (!a->clock_known || a->node.live.phase + 1 > phase
        || phase - a->node.live.phase > 2 * a->field.phases_per_day) {
        a->clock_known = 1;
        app_make_node(a);
    }
}

static void end_round(app *a, uint64_t now)
{
    uint32_t hours = a->search_round < 3 ? 1u << a->search_round : PAUSE_MAX;
    a->port->radio_sleep(a->port->ctx);
    if (a->clock_known) {
        /* Nobody is heard; maybe nobody is there. Go on with the own clock. */
        a->mode = APP_RUN;
        a->contact_us = now;
        return;
    }
    a->search_round++;
    a->search_pause = 1;
    a->search_until_us = now + hours * (uint64_t)HOUR_US
                         + a->port->random(a->port->ctx) % (600 * SECOND_US);
}

void app_search_step(app *a)
{
    port_frame frame;
    uint64_t now = app_now(a);
    qres_beacon beacon;
    int rc;
    if (now >= a->search_until_us) {
        if (a->search_pause) {
            app_search_begin(a);
        } else {
            end_round(a, now);
        }
        return;
    }
    if (a->search_pause) {
        a->port->sleep(a->port->ctx, a->search_until_us, PORT_SLEEP_LIGHT);
        return;
    }
    rc = a->port->radio_rx(a->port->ctx, now + LISTEN_US, &frame);
    if (rc == PORT_ERR_RADIO) {
        a->counters.radio_errors++;
        a->port->delay_us(a->port->ctx, SECOND_US);
    } else if (rc == 1
               && qres_beacon_open(&a->field, a->who.key, frame.bytes, frame.len, earliest(a),
                                   UINT32_MAX - 1, &beacon)
                      == QRES_OK) {
        found(a, &frame, beacon.phase);
    } else {
        /* something else, or nothing */
    }
}
