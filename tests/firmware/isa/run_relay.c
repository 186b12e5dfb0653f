/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RELAY: when it is sent, what it says, what a replica makes of it (SPEC 3, 6.6, 8).
 */
#include "rig.h"

enum { OLDEST = 4 }; /* [phases] a record is of a phase later than that */

static qres_action action;

/* What the node does when this relay slot of the open phase begins. */
static uint32_t turn(uint32_t slot)
{
    uint64_t start_us = qresi_relay_start_us(&rig_field, rig_node.live.phase + 1, slot);
    qres_next(&rig_node, start_us - (uint64_t)rig_node.clock_corr_us, &action);
    return action.kind;
}

static int says(uint32_t slot, const bytes *frame)
{
    uint64_t start_us = qresi_relay_start_us(&rig_field, rig_node.live.phase + 1, slot);
    return turn(slot) == QRES_DO_TRANSMIT && action.frame_kind == QRES_FRAME_RELAY
           && action.from_us + (uint64_t)rig_node.clock_corr_us == start_us + rig_field.guard_us / 2
           && action.until_us == action.from_us + rig_field.airtime_us[frame->len]
           && action.len == frame->len && rig_same(action.bytes, frame->at, frame->len);
}

/* Until then a relay listens: before its first slot, and after that before its second. */
static int waits_until(const relay_times_row *v, uint32_t slot)
{
    static const uint8_t any_key[16];
    if (!rig_node_from(v->site, any_key, v->phase, v->relays[slot], 0)) {
        return 0;
    }
    if (2 * slot >= v->n_slots) {
        (void)turn(v->n_slots - 1 - slot);
    }
    qres_next(&rig_node, v->starts_us[slot] - 1, &action);
    return action.kind == QRES_DO_LISTEN && action.until_us == v->starts_us[slot];
}

/* Whose the slots are, when they start, and the commit after them. */
int relay_times_ok(const void *row)
{
    const relay_times_row *v = row;
    if (qres_field_init(&rig_field, v->site) != QRES_OK || rig_field.site_hash != v->site_hash
        || v->phase * rig_field.phase_us + rig_field.commit_us != v->commit_us
        || v->n_slots != 2u * rig_field.site.n_relays) {
        return 0;
    }
    for (uint32_t r = 0; r < v->n_slots; r++) {
        if (qresi_relay_of(&rig_field, r) != v->relays[r]
            || qresi_relay_start_us(&rig_field, v->phase, r) != v->starts_us[r]
            || !waits_until(v, r)) {
            return 0;
        }
    }
    return 1;
}

/* The frame comes just when it is due. */
static int hear(const relay_open_row *v)
{
    uint64_t due_us =
        qresi_relay_start_us(&rig_field, v->phase, v->relay_slot) + rig_field.guard_us / 2;
    return qres_heard(&rig_node, due_us + rig_field.airtime_us[v->frame.len], v->frame.at,
                      v->frame.len, &rig_info);
}

static int is_of_record(const qres_log_entry *e, const relay_record *x)
{
    if (!x->full) {
        return e->raw_len == QRES_LOG_ECHO && e->is_s && fx_get32(e->u.raw) == x->low;
    }
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        if (((x->included >> c) & 1u) != 0 && e->u.k[c] != x->k[c]) {
            return 0;
        }
    }
    return e->raw_len == 0 && !e->is_s && e->included == x->included && e->absent == x->absent;
}

/* A member of its own for each slot that a record tells of, whether the site has one there or not. */
static void seat(const relay_open_row *v)
{
    for (uint32_t i = 0; i < v->n_records; i++) {
        const relay_record *x = &v->records[i];
        rig_field.slot_member[(v->phase - x->age) % QRES_PHASES][x->slot] = (uint8_t)i;
    }
}

/* The log is what the records say, the first of those of one phase and slot. */
static int taken_ok(const relay_open_row *v)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < v->n_records; i++) {
        const relay_record *x = &v->records[i];
        uint32_t phase = v->phase - x->age;
        uint32_t member = rig_field.slot_member[phase % QRES_PHASES][x->slot];
        int at = qresi_replica_log_find(&rig_node, phase, member);
        if (at < 0 || rig_node.log[at].echoes != 0 || !is_of_record(&rig_node.log[at], x)) {
            return 0;
        }
        told += member == i;
    }
    return rig_node.n_log == told && rig_node.counters.restored == told;
}

static int collected_ok(const relay_open_row *v)
{
    const qres_assembly *a = &rig_node.assembly;
    if (!v->collected) {
        return a->have == 0;
    }
    return a->have == 1 && a->order == v->rank && a->index[0] == v->number
           && a->len == v->blob_bytes && rig_same(a->data[0], v->data.at, v->data.len);
}

static void log_record(const relay_open_row *v, const relay_record *x, uint32_t member)
{
    qres_log_entry *e = &rig_node.log[rig_node.n_log];
    uint32_t at = rig_node.n_log++;
    for (; at > 0 && e[-1].phase > v->phase - x->age; at--, e--) {
        *e = e[-1];
    }
    *e = (qres_log_entry){0};
    e->phase = v->phase - x->age;
    e->member = (uint8_t)member;
    e->is_s = !x->full;
    if (x->full) {
        e->included = x->included;
        e->absent = x->absent;
        for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
            e->u.k[c] = x->k[c];
        }
    } else {
        e->raw_len = QRES_LOG_ECHO;
        fx_put32(e->u.raw, x->low);
    }
    rig_field.site.member[member].slot = (uint8_t)x->slot;
}

/* A relay with that log, or that fragment, sends the frame, once. */
static int sent_ok(const relay_open_row *v)
{
    uint32_t self = qresi_relay_of(&rig_field, v->relay_slot);
    if (!rig_node_at(v->site, v->key, v->phase - 1, self)) {
        return 0;
    }
    for (uint32_t i = 0; i < v->n_records; i++) {
        log_record(v, &v->records[i], i + (i >= self));
    }
    if (v->n_records == 0) {
        qresi_relay_hold(&rig_node, qres_era_of(&rig_field, v->phase), v->rank, v->number,
                         v->blob_bytes, v->data.at, v->data.len);
    }
    return says(v->relay_slot, &v->frame) && turn(v->relay_slot) == QRES_DO_LISTEN;
}

/* A RELAY is taken with its content, once, and sent, or refused with its reason. */
int relay_open_ok(const void *row)
{
    const relay_open_row *v = row;
    if (!rig_node_at(v->site, v->key, v->phase - 1, QRES_NO_SLOT)) {
        return 0;
    }
    seat(v);
    rig_node.base.phase = v->phase - 1 - OLDEST; /* so that all records are accepted */
    if (hear(v) != v->code) {
        return 0;
    }
    if (v->code != QRES_OK) {
        return rig_info.kind == 0 && rig_node.n_log == 0;
    }
    return rig_info.kind == QRES_FRAME_RELAY && rig_info.relay_slot == v->relay_slot
           && rig_info.phase == v->phase && rig_info.offset_us == 0
           && rig_info.member == qresi_relay_of(&rig_field, v->relay_slot)
           && (v->n_records != 0 ? taken_ok(v) : collected_ok(v))
           && hear(v) == QRES_ERR_DUPLICATE && (!v->sent || sent_ok(v));
}

static int step_ok(const relay_step *x)
{
    if (x->what == RELAY_COMMIT) {
        return rig_commit() == x->phase && qres_digest(&rig_node) == x->digest;
    }
    if (x->what == RELAY_SAY) {
        return says(x->slot, &x->frame);
    }
    if (x->what == RELAY_SILENT) {
        return turn(x->slot) == QRES_DO_LISTEN;
    }
    return qres_heard(&rig_node, x->at_us, x->frame.at, x->frame.len, &rig_info) == x->code
           && (x->code != QRES_OK
               || (rig_info.kind == x->kind && rig_info.member == x->member
                   && rig_info.phase == x->phase));
}

static uint32_t known_of(const qres_log_entry *e)
{
    return e->raw_len == 0                ? RELAY_KNOWN_REPORT
           : e->raw_len == QRES_LOG_ECHO ? RELAY_KNOWN_LOW
                                         : RELAY_KNOWN_FRAME;
}

static int log_ok(const relay_run_row *v)
{
    for (uint32_t i = 0; i < v->n_log && v->n_log == rig_node.n_log; i++) {
        const qres_log_entry *e = &rig_node.log[i];
        const relay_entry *x = &v->log[i];
        if (e->phase != x->phase || e->member != x->member || known_of(e) != x->known
            || e->is_s != x->is_s || e->echoes != x->echoes || e->relayed != x->relayed) {
            return 0;
        }
    }
    return v->n_log == rig_node.n_log;
}

/* What a replica hears, says and holds, step by step. */
int relay_run_ok(const void *row)
{
    const relay_run_row *v = row;
    const qres_counters *n = &rig_node.counters;
    if (!rig_node_from(v->site, v->key, v->first_phase, v->self, v->search)) {
        return 0;
    }
    for (uint32_t i = 0; i < v->n_steps; i++) {
        if (!step_ok(&v->steps[i])) {
            return 0;
        }
    }
    return log_ok(v) && rig_node.synced == v->synced && n->verified == v->verified
           && n->adopted == v->adopted && n->missed_checkpoints == v->missed
           && rig_node.clock_corr_us == v->corr_us;
}
