/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a node. The core says what to do next; this does it.
 */
#include "app_internal.h"
#include "bytes.h"

enum {
    BATTERY_BACK_MV = 200,
    RADIO_RETRY_US = 1000000,
    OLD_NEWS_PHASES = 15 /* the oldest that an echo repeats, SPEC 6.5; a relay's are younger */
};
#define CONTACT_LOST_US (6 * (uint64_t)HOUR_US)
#define BROWN_OUT_US (600 * (uint64_t)SECOND_US)
#define HIBERNATE_US ((uint64_t)HOUR_US)
#define CLOCK_SLACK_US (2 * (uint64_t)SECOND_US)

int32_t app_bits(uint32_t x)
{
    return signed32(x);
}

static int read_who(app *a)
{
    const port_flash *f = &a->port->provision;
    /* The replica does not exist yet: its checkpoint buffer holds the record meanwhile. */
    uint8_t *bytes = a->node.blob;
    uint32_t len = f->bytes < sizeof a->node.blob ? f->bytes : (uint32_t)sizeof a->node.blob;
    int rc;
    if (f->read(f->ctx, 0, bytes, len) != PORT_OK) {
        return QRES_ERR_FORMAT;
    }
    rc = qres_provision_read(bytes, len, &a->who);
    qres_wipe(bytes, sizeof a->node.blob);
    if (rc < 0) {
        return rc;
    }
    if (qres_field_init(&a->field, &a->who.site) != QRES_OK
        || a->field.site_hash != a->who.site_hash) {
        return QRES_ERR_SITE;
    }
    return QRES_OK;
}

static void start_radio(app *a)
{
    port_radio_config c;
    c.lora = a->who.site.lora;
    c.freq_hz = a->who.freq_hz;
    c.tx_power_dbm = a->who.tx_power_dbm;
    c.sync_word = 0x12;
    if (a->port->radio_start(a->port->ctx, &c) != PORT_OK) {
        a->counters.radio_errors++;
        app_log(a, PORT_LOG_ERROR, "radio", 0, 0);
    }
}

void app_make_node(app *a)
{
    qres_config config = {0};
    uint32_t phase = (uint32_t)(app_now(a) / a->field.phase_us);
    config.self = a->who.self;
    config.first_phase = phase > 0 ? phase : 1;
    config.tx_not_before = a->tx_not_before;
    (void)qres_init(&a->node, &a->field, a->who.key, &config); /* self is a member, phase >= 1 */
    a->node.clock_rate_ppb = a->rate_ppb;
    a->has_pending = 0;
    app_make_room(a);
    if (snapshot_restore(&a->replica, &a->node, config.first_phase)) {
        app_log(a, PORT_LOG_INFO, "restored", app_bits(a->node.base.phase),
                (int32_t)a->node.n_log);
        a->saved_base = a->node.base.phase;
        a->saved_until = a->node.n_log > 0 ? a->node.log[a->node.n_log - 1].phase : 0;
    }
}

int app_start(app *a, const port *p)
{
    uint64_t saved_us;
    uint64_t now;
    int rc;
    qres_wipe(a, sizeof *a); /* not by assignment: some compilers put the 95 KB on the stack first */
    a->port = p;
    app_log(a, PORT_LOG_INFO, "reset", (int32_t)p->reset, (int32_t)p->clock);
    if (p->reset == PORT_RESET_BROWN_OUT) {
        /* The battery was drawn down by what came next. Let it recover, some of the nodes later. */
        p->sleep(p->ctx, p->now_us(p->ctx) + BROWN_OUT_US + p->random(p->ctx) % BROWN_OUT_US,
                 PORT_SLEEP_LIGHT);
    }
    rc = read_who(a);
    if (rc != QRES_OK) {
        app_log(a, PORT_LOG_ERROR, "provision", rc, 0);
        return rc;
    }
    if (store_open(&a->state, &p->state) != PORT_OK) {
        app_log(a, PORT_LOG_ERROR, "store", 0, 0);
        return QRES_ERR_FORMAT;
    }
    a->has_ring = p->raw_log.bytes != 0 && ring_open(&a->raw_log, &p->raw_log) == PORT_OK;
    snapshot_open(&a->replica, &p->replica);
    quality_init(&a->quality);
    saved_us = app_load(a);
    app_recall(a);
    a->floor_us = a->who.made_s * SECOND_US;
    if (saved_us > a->floor_us + CLOCK_SLACK_US) {
        a->floor_us = saved_us - CLOCK_SLACK_US;
    }
    now = app_now(a);
    a->saved_us = now;
    a->contact_us = now;
    a->clock_known = p->clock != PORT_CLOCK_LOST && now >= a->floor_us;
    start_radio(a);
    if (a->clock_known) {
        if (saved_us == 0 && a->tx_not_before <= now / a->field.phase_us) {
            /* No record: what this board has sent is not known, so not this phase either. */
            a->tx_not_before = (uint32_t)(now / a->field.phase_us) + 1;
        }
        app_make_node(a);
    } else {
        app_search_begin(a);
        if (p->reset != PORT_RESET_DEEP_SLEEP) { /* nobody is there when a hibernation ends */
            app_console_begin(a);
        }
    }
    if (app_battery_low(a, p->reset == PORT_RESET_DEEP_SLEEP ? BATTERY_BACK_MV : 0)) {
        a->mode = APP_HIBERNATE;
    }
    app_look(a);
    return QRES_OK;
}

/* Everything that remembers a time moves with the clock. */
void app_set_clock(app *a, int64_t step_us)
{
    a->port->set_clock(a->port->ctx, app_now(a) + (uint64_t)step_us);
    qres_governor_clock_step(&a->governor, step_us);
    gauges_clock_step(&a->gauges, step_us);
    quality_clock_step(&a->quality, step_us);
    a->saved_us += (uint64_t)step_us;
    a->contact_us += (uint64_t)step_us;
}

/* What the core found out about the own clock goes into the clock itself: a reset keeps it there. */
static void take_correction(app *a)
{
    int64_t step = a->node.clock_corr_us;
    if (step != 0) {
        app_set_clock(a, step);
        a->node.clock_corr_us = 0;
    }
    a->rate_ppb = (int32_t)a->node.clock_rate_ppb;
}

static void keep_replica(app *a, uint32_t phase)
{
    int rc = PORT_OK;
    if (a->node.base.phase != a->saved_base || a->node.counters.adopted != a->saved_adopted) {
        rc = snapshot_save(&a->replica, &a->node);
        a->saved_base = a->node.base.phase;
        a->saved_adopted = a->node.counters.adopted;
    } else if (phase > a->saved_until) {
        rc = snapshot_append(&a->replica, &a->node, phase);
        if (rc == PORT_OK && a->has_old_news) {
            rc = snapshot_append_missing(&a->replica, &a->node,
                                         phase > OLD_NEWS_PHASES ? phase - OLD_NEWS_PHASES : 0);
        }
    } else {
        /* it came from there */
    }
    a->has_old_news = 0;
    if (rc != PORT_OK && a->replica.flash != NULL) {
        a->counters.flash_errors++;
        app_log(a, PORT_LOG_WARN, "snapshot", rc, 0);
    }
}

/* Once a day: was this replica like the scribe's (verified), made like it (adopted), or neither? */
static void note_checkpoint(app *a)
{
    const qres_counters *c = &a->node.counters;
    uint32_t whole = c->verified + c->adopted + c->missed_checkpoints;
    if (whole != a->checkpoints) {
        a->checkpoints = whole;
        app_log(a, PORT_LOG_INFO, "checkpoint", (int32_t)c->adopted,
                (int32_t)c->missed_checkpoints);
    }
}

static void committed(app *a, uint32_t phase)
{
    take_correction(a);
    note_checkpoint(a);
    qres_governor_tick(&a->governor, app_now(a));
    keep_replica(a, phase);
    app_make_room(a);
    app_log(a, PORT_LOG_INFO, "commit", app_bits(phase), app_bits(qres_digest(&a->node)));
    if (a->field.site.n_members > 1 && app_now(a) - a->contact_us > CONTACT_LOST_US) {
        app_search_begin(a);
    } else if (phase % a->field.beacon_phases == 0 && app_battery_low(a, 0)) {
        a->mode = APP_HIBERNATE;
    } else {
        /* go on */
    }
}

static void hear(app *a, const port_frame *frame)
{
    qres_heard_info info;
    int rc = qres_heard(&a->node, frame->end_us, frame->bytes, frame->len, &info);
    if (a->node.dirty != 0) {
        a->has_old_news = 1;
    }
    if (rc != QRES_OK) {
        a->counters.refused++;
        return;
    }
    a->counters.heard++;
    a->contact_us = app_now(a);
    if (info.late && info.kind == QRES_FRAME_REPORT) {
        (void)snapshot_append_one(&a->replica, &a->node, info.phase, info.member);
    }
}

static void listen(app *a, uint64_t until_us)
{
    port_frame frame;
    int rc = a->port->radio_rx(a->port->ctx, until_us, &frame);
    if (rc == 1) {
        hear(a, &frame);
    } else if (rc == PORT_ERR_RADIO) {
        a->counters.radio_errors++;
        a->port->delay_us(a->port->ctx, RADIO_RETRY_US);
        start_radio(a);
    } else {
        /* the time is up */
    }
}

/* Sleep; on the way there, look at the wind 10 min before the next sample. */
static void sleep(app *a, uint64_t until_us)
{
    const qres_field *f = &a->field;
    uint64_t now = app_now(a);
    uint32_t ahead = (f->site.member[a->who.self].phase + 4u - (a->node.live.phase + 1u) % 4u) % 4u;
    uint64_t look = ((uint64_t)a->node.live.phase + 1 + ahead) * f->phase_us - GAUGES_MEAN_US;
    a->port->radio_sleep(a->port->ctx);
    a->port->sleep(a->port->ctx, look > now && look < until_us ? look : until_us,
                   PORT_SLEEP_LIGHT);
    app_look(a);
}

static void run_step(app *a)
{
    qres_action action;
    if (a->has_pending) {
        uint64_t until = app_send_step(a);
        if (a->has_pending) {
            listen(a, until);
        }
        return;
    }
    qres_next(&a->node, app_now(a), &action);
    switch (action.kind) {
    case QRES_DO_SAMPLE:
        app_sample(a);
        break;
    case QRES_DO_TRANSMIT:
        app_send(a, &action);
        break;
    case QRES_DO_LISTEN:
        listen(a, action.until_us);
        break;
    case QRES_DID_COMMIT:
        committed(a, action.phase);
        break;
    default:
        sleep(a, action.until_us);
        break;
    }
}

static void hibernate_step(app *a)
{
    a->counters.hibernations++;
    a->has_pending = 0;
    a->port->radio_sleep(a->port->ctx);
    (void)app_save(a);
    app_log(a, PORT_LOG_WARN, "hibernate", 0, 0);
    a->port->sleep(a->port->ctx, app_now(a) + HIBERNATE_US, PORT_SLEEP_DEEP);
    qres_governor_tick(&a->governor, app_now(a));
    if (!app_battery_low(a, BATTERY_BACK_MV)) {
        a->mode = APP_RUN;
        a->contact_us = app_now(a);
        if (!a->clock_known) {
            app_search_begin(a);
        }
    }
}

void app_step(app *a)
{
    a->port->feed_watchdog(a->port->ctx);
    if (app_console_step(a)) {
        /* somebody may be about to say the time */
    } else if (a->mode == APP_SEARCH) {
        app_search_step(a);
    } else if (a->mode == APP_HIBERNATE) {
        hibernate_step(a);
    } else {
        run_step(a);
    }
}

int app_run(app *a, const port *p)
{
    int rc = app_start(a, p);
    if (rc != QRES_OK) {
        return rc;
    }
    for (;;) {
        app_step(a);
    }
}
