/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REPORT and its echo: SPEC 6.1, 6.2, 6.5.
 */
#include "rig.h"

enum { OLDEST_ECHO = 15 }; /* [phases] an echo is of a phase at most so long ago */

static uint8_t form_of(const qres_field *f, uint32_t payload_bytes)
{
    return payload_bytes == 0                ? 0
           : payload_bytes >= f->form_x_min  ? 'X'
           : payload_bytes == f->form_s      ? 'S'
           : payload_bytes == f->form_m      ? 'M'
                                             : 'R';
}

/* What the functions say of the samples. */
static int decided_ok(const decide_row *v)
{
    static const qres_echo nothing = {0, 0, 0};
    const qres_state *s = &rig_node.live;
    qres_report r;
    int len = v->introduce
                  ? qres_announce(&rig_field, s, v->member, v->samples, v->missed, &r)
                  : qres_decide(&rig_field, s, v->member, v->samples, v->missed, &r);
    if (len < 0 || (uint32_t)len != v->payload.len || form_of(&rig_field, (uint32_t)len) != v->form) {
        return 0;
    }
    return len == 0
           || (rig_same_report(&r, &v->report)
               && qres_report_encode(&rig_field, &r, v->digest_bit, &nothing, rig_buffer,
                                     (size_t)len)
                      == QRES_OK
               && rig_same(rig_buffer, v->payload.at, (size_t)len));
}

/* What the member sends of them. */
static int sent_ok(const decide_row *v)
{
    int n;
    rig_own_digest_is(v->digest_bit);
    rig_node.announced = v->introduce ? 0 : 2;
    for (uint32_t c = 0; c < rig_field.site.n_channels; c++) {
        uint32_t to_come = v->samples[c] == QRES_MISSED;
        rig_node.missed[c] = (uint8_t)(v->missed[c] - to_come);
    }
    n = rig_open_phase(v->samples);
    if (v->form == 0) {
        return n == 0;
    }
    return n == 1 && rig_sent[0].kind == QRES_FRAME_REPORT && rig_sent[0].len == v->frame.len
           && rig_same(rig_sent[0].at, v->frame.at, v->frame.len);
}

/* Samples to report, payload and frame, and back to the report. */
int decide_ok(const void *row)
{
    const decide_row *v = row;
    if (!rig_node_with(v->site, v->key, v->state, v->member) || !decided_ok(v) || !sent_ok(v)) {
        return 0;
    }
    return v->form == 0
           || (rig_node_with(v->site, v->key, v->state, QRES_NO_SLOT)
               && rig_hear(rig_node.live.phase + 1, v->site->member[v->member].slot, v->frame.at,
                           v->frame.len)
                      == QRES_OK
               && rig_same_report(&rig_info.report, &v->report));
}

/* What the node knows of others is what the echo told. */
static int restored_ok(const open_row *v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rig_node.n_log; i++) {
        const qres_log_entry *e = &rig_node.log[i];
        if (e->member == v->member) {
            continue;
        }
        n++;
        if (e->raw_len != QRES_LOG_ECHO || e->echoes != 1 || e->phase != v->restored_phase
            || e->member != v->restored_member || fx_get32(e->u.raw) != v->restored_low) {
            return 0;
        }
    }
    return n == v->n_restored;
}

/* Frame to report or error: in its own slot all windows are tried, in the next only one. */
int open_ok(const void *row)
{
    const open_row *v = row;
    uint32_t slot = v->site->member[v->member].slot + (v->all_windows ? 0u : 1u);
    if (!rig_node_with(v->site, v->key, v->state, QRES_NO_SLOT)) {
        return 0;
    }
    rig_node.live.phase = v->phase - 1;
    rig_node.base.phase = v->phase - 1 - OLDEST_ECHO; /* so that what is repeated is accepted */
    rig_own_digest_is(0);
    if (rig_hear(v->phase, slot, v->frame.at, v->frame.len) != v->code) {
        return 0;
    }
    if (v->code == QRES_OK
        && (rig_info.kind != QRES_FRAME_REPORT || rig_info.phase != v->phase
            || !rig_same_report(&rig_info.report, &v->report)
            || rig_node.counters.bits_compared != 1
            || rig_node.counters.bits_wrong != v->digest_bit)) {
        return 0;
    }
    return !v->has_echo || restored_ok(v);
}
