/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transmission, from the core's wish to the antenna: the airtime budget first, then the promise
 * in flash never to use this phase again, then the radio.
 */
#include "app_internal.h"

enum {
    PAY_AHEAD_US = 1500000, /* the flash may have to erase a sector, 400 ms at most */
    TURN_US = 20000         /* from reception to transmission; the guard time is 200 ms */
};

void app_send(app *a, const qres_action *action)
{
    a->pending = *action;
    a->has_pending = 1;
    a->is_paid = 0;
}

/* It is not sent: a report is taken back, so that this replica stays like the others. */
static void give_up(app *a)
{
    if (a->pending.frame_kind == QRES_FRAME_REPORT) {
        qres_not_sent(&a->node);
    }
    a->has_pending = 0;
}

/* Returns 1 if the frame may go out. */
static int pay(app *a)
{
    int rc = qres_governor_charge(&a->governor, app_now(a),
                                  a->field.airtime_us[a->pending.len]);
    if (rc != QRES_OK) {
        a->counters.refused_airtime++;
        app_log(a, PORT_LOG_WARN, "airtime", rc, a->pending.frame_kind);
        return 0;
    }
    if (a->pending.phase + 1 > a->tx_not_before) {
        a->tx_not_before = a->pending.phase + 1;
    }
    if (app_save(a) != PORT_OK) {
        a->counters.refused_flash++;
        return 0;
    }
    return 1;
}

static void transmit(app *a)
{
    int rc = a->port->radio_tx(a->port->ctx, a->pending.from_us, a->pending.bytes,
                               a->pending.len);
    if (rc == PORT_OK) {
        a->counters.sent++;
        app_log(a, PORT_LOG_INFO, "sent", a->pending.frame_kind, a->pending.len);
        a->has_pending = 0;
        return;
    }
    app_log(a, PORT_LOG_WARN, "unsent", rc, a->pending.frame_kind);
    if (rc == PORT_ERR_RADIO) {
        a->counters.radio_errors++;
    } else {
        a->counters.radio_late++;
    }
    give_up(a);
}

uint64_t app_send_step(app *a)
{
    uint64_t now = app_now(a);
    if (!a->is_paid) {
        if (now + PAY_AHEAD_US < a->pending.from_us) {
            return a->pending.from_us - PAY_AHEAD_US;
        }
        if (!pay(a)) {
            give_up(a);
            return now;
        }
        a->is_paid = 1;
        now = app_now(a);
    }
    if (now + TURN_US < a->pending.from_us) {
        return a->pending.from_us - TURN_US;
    }
    transmit(a);
    return app_now(a);
}
