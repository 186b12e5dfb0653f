/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame was heard: whose is it? Trial addressing (SPEC 8).
 */
#include "core.h"

/* Where in the schedule a reception began. */
typedef struct {
    uint64_t start_us;
    uint32_t phase;
    uint32_t slot;       /* nearest origin slot; beyond the last it is the common one */
    uint32_t relay;      /* 1 + the nearest relay slot; 0 if another slot is nearer */
} arrival;

static int limit_reached(const qres_node *n)
{
    return n->config.trial_limit != 0 && n->trials >= n->config.trial_limit;
}

int qresi_replica_open_report(qres_node *n, const qres_state *s, uint32_t phase, uint32_t member,
                              const uint8_t *frame, size_t len, uint32_t how, qres_report *r,
                              uint32_t *digest_bit, qres_echo *echo)
{
    const qres_field *f = n->field;
    size_t payload_len = len - TAG_BYTES;
    uint8_t payload[QRES_MAX_FRAME];
    uint8_t nonce[13];
    qres_cipher cipher = qresi_seal_cipher(n, qres_era_of(f, phase));
    qresi_seal_nonce(f, phase, f->site.member[member].id, QRES_FRAME_REPORT, nonce);
    for (size_t i = 0; i < payload_len; i++) {
        payload[i] = frame[i];
    }
    qres_ccm_crypt(&cipher, nonce, sizeof nonce, payload, payload_len);
    for (uint32_t window = 0; window == 0 || (how & OPEN_ALL_WINDOWS); window++) {
        uint8_t aad[15];
        uint8_t tag[TAG_BYTES];
        uint32_t reserved;
        int rc = qresi_report_parse(f, s, member, payload, payload_len, window, r, digest_bit,
                                    echo, &reserved);
        if (rc == QRES_ERR_LENGTH) {
            break;
        }
        if (rc != QRES_OK) {
            continue;
        }
        n->trials += (how & OPEN_LIMITED) != 0;
        qres_ccm_tag(&cipher, nonce, sizeof nonce, aad, qresi_report_aad(f, r, payload_len, aad),
                     payload, payload_len, tag, sizeof tag);
        if (qres_ct_equal(tag, frame + payload_len, TAG_BYTES)) {
            return reserved != 0 ? QRES_ERR_RESERVED : QRES_OK;
        }
    }
    return QRES_ERR_TAG;
}

static int accept_report(qres_node *n, uint32_t phase, const qres_report *r, uint32_t is_s,
                         uint32_t digest_bit, qres_heard_info *info)
{
    int rc;
    info->kind = QRES_FRAME_REPORT;
    info->member = r->member;
    info->phase = phase;
    info->report = *r;
    rc = qresi_replica_log_report(n, phase, r, is_s);
    if (rc != QRES_OK) {
        return rc;
    }
    qresi_replica_learnt(n, phase, r->member);
    if (phase <= n->live.phase) {
        n->counters.late++;
    } else {
        qresi_replica_compare_bit(n, phase, digest_bit);
    }
    return QRES_OK;
}

/* Keep what cannot be read yet: the sender's state is unknown here. */
static int keep_pending(qres_node *n, uint32_t phase, uint32_t member, const uint8_t *frame,
                        size_t len)
{
    qres_log_entry e;
    int unknown = n->live.absent[member] == all_channels(n->field);
    if ((n->synced && !unknown) || len > sizeof e.u.raw || len - TAG_BYTES >= n->field->form_x_min
        || qresi_replica_log_find(n, phase, member) >= 0) {
        return QRES_ERR_TAG;
    }
    n->synced = 0;
    e.phase = phase;
    e.member = (uint8_t)member;
    e.included = 0;
    e.absent = 0;
    e.raw_len = (uint8_t)len;
    e.is_s = 0;
    e.echoes = 0;
    e.relayed = 0;
    for (size_t i = 0; i < sizeof e.u.raw; i++) {
        e.u.raw[i] = i < len ? frame[i] : 0;
    }
    if (qresi_replica_log_insert(n, &e) != QRES_OK) {
        return QRES_ERR_TAG;
    }
    qresi_replica_changed(n, phase);
    return QRES_ERR_PENDING;
}

/* One candidate: is it this member's report of this phase? */
static int try_member(qres_node *n, uint32_t phase, uint32_t member, const uint8_t *frame,
                      size_t len, int all_windows, qres_heard_info *info)
{
    qres_report r;
    uint32_t digest_bit;
    qres_echo echo = {0, 0, 0};
    uint32_t how = all_windows ? OPEN_ALL_WINDOWS | OPEN_LIMITED : OPEN_LIMITED;
    int rc = qresi_replica_open_report(n, &n->live, phase, member, frame, len, how, &r,
                                       &digest_bit, &echo);
    if (rc == QRES_OK) {
        rc = accept_report(n, phase, &r, len - TAG_BYTES == n->field->form_s, digest_bit, info);
    }
    if (rc == QRES_OK) {
        qresi_echo_heard(n, phase, member, &echo);
    }
    return rc;
}

static uint32_t member_at(const qres_field *f, uint32_t phase, int64_t slot)
{
    return slot < 0 || slot >= f->slots ? QRES_NO_SLOT
                                        : f->slot_member[phase % QRES_PHASES][slot];
}

/* The members of one phase other than those near the arrival's slot. */
static int search_phase(qres_node *n, uint32_t phase, const arrival *a, const uint8_t *frame,
                        size_t len, qres_heard_info *info)
{
    for (uint32_t s = 0; s < n->field->slots; s++) {
        uint32_t member = n->field->slot_member[phase % QRES_PHASES][s];
        int rc;
        if (member == QRES_NO_SLOT
            || (phase == a->phase && s + 1 >= a->slot && s <= a->slot + 1)) {
            continue;
        }
        rc = try_member(n, phase, member, frame, len, 0, info);
        if (rc != QRES_ERR_TAG) {
            return rc;
        }
    }
    return QRES_ERR_TAG;
}

static int hear_report(qres_node *n, const arrival *a, const uint8_t *frame, size_t len,
                       qres_heard_info *info)
{
    static const int8_t order[3] = {0, -1, 1};
    if (!qresi_report_payload_length_known(n->field, len - TAG_BYTES)) {
        return QRES_ERR_LENGTH;
    }
    if (!qresi_replica_accepts(n, a->phase)) {
        return QRES_ERR_WINDOW;
    }
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t member = member_at(n->field, a->phase, (int64_t)a->slot + order[i]);
        if (member != QRES_NO_SLOT) {
            int rc = try_member(n, a->phase, member, frame, len, i == 0, info);
            if (rc != QRES_ERR_TAG) {
                return rc;
            }
        }
    }
    for (uint32_t i = 0; i < 3 && n->config.search; i++) {
        uint32_t phase = a->phase + (i == 0 ? 0u : i == 1 ? UINT32_MAX : 1u);
        if (qresi_replica_accepts(n, phase)) {
            int rc = search_phase(n, phase, a, frame, len, info);
            if (rc != QRES_ERR_TAG) {
                return rc;
            }
        }
    }
    return QRES_ERR_TAG;
}

static int hear_checkpoint(qres_node *n, const arrival *a, const uint8_t *frame, size_t len,
                           qres_heard_info *info)
{
    if (!qresi_replica_accepts(n, a->phase)
        || qres_era_of(n->field, a->phase) != qres_era_of(n->field, n->live.phase + 1)) {
        return QRES_ERR_WINDOW;
    }
    return qresi_checkpoint_heard(n, a->phase, frame, len, info);
}

static arrival locate(const qres_node *n, uint64_t start_us)
{
    const qres_field *f = n->field;
    arrival a;
    int64_t offset = (int64_t)(start_us % f->phase_us) - (int64_t)(f->lead_us + f->guard_us / 2);
    int64_t half = (int64_t)(f->slot_us / 2);
    int64_t slot = offset + half < 0 ? 0 : (offset + half) / (int64_t)f->slot_us;
    a.start_us = start_us;
    a.phase = (uint32_t)(start_us / f->phase_us);
    a.slot = slot > f->slots ? f->slots : (uint32_t)slot;
    offset += (int64_t)(f->common_us / 2) - (int64_t)(f->slots * f->slot_us);
    slot = a.slot < f->slots || offset < 0 ? 0 : offset / (int64_t)f->common_us;
    a.relay = slot > 2 * f->site.n_relays ? 2u * f->site.n_relays : (uint32_t)slot;
    return a;
}

/* How late the frame came against its sender's slot. [us] */
static int32_t arrival_offset(const qres_field *f, const arrival *a, const qres_heard_info *info)
{
    uint32_t slot =
        info->kind == QRES_FRAME_REPORT ? f->site.member[info->member].slot : f->slots;
    uint64_t due = info->phase * f->phase_us + f->lead_us + slot * f->slot_us;
    if (info->kind == QRES_FRAME_RELAY) {
        due = qresi_relay_start_us(f, info->phase, info->relay_slot);
    }
    due += f->guard_us / 2;
    return fx_clip32((int64_t)(a->start_us - due), INT32_MIN, INT32_MAX);
}

static int is_beacon(const uint8_t *frame, size_t len)
{
    return len == BEACON_BYTES && frame[0] >> 4 == 0xB;
}

/* As anything but a RELAY. */
static int hear_other(qres_node *n, const arrival *a, const uint8_t *frame, size_t len,
                      qres_heard_info *info)
{
    if (is_beacon(frame, len)) {
        int as_report;
        int rc = qresi_beacon_heard(n, a->phase, frame, info);
        if (rc == QRES_OK || rc == QRES_ERR_DUPLICATE
            || !qresi_report_payload_length_known(n->field, len - TAG_BYTES)) {
            return rc;
        }
        as_report = hear_report(n, a, frame, len, info);
        return as_report == QRES_ERR_TAG || as_report == QRES_ERR_WINDOW ? rc : as_report;
    }
    return len > n->field->report_max ? hear_checkpoint(n, a, frame, len, info)
                                      : hear_report(n, a, frame, len, info);
}

/* Whether relay slot `slot` of the phase of arrival is the nearest one or one beside it. */
static int is_near_relay(const arrival *a, uint32_t slot)
{
    return a->relay > 0 && slot + 2 >= a->relay && slot <= a->relay;
}

/* The relay slots of one phase: those near the arrival, the nearest first, or all others. */
static int hear_relay(qres_node *n, const arrival *a, uint32_t phase, int near,
                      const uint8_t *frame, size_t len, qres_heard_info *info)
{
    static const uint8_t before[3] = {1, 2, 0};
    uint32_t slots = 2u * n->field->site.n_relays;
    if (!qresi_replica_accepts(n, phase)) {
        return QRES_ERR_TAG;
    }
    for (uint32_t i = 0; i < (near ? 3u : slots); i++) {
        uint32_t slot = near ? a->relay - before[i] : i;
        int rc;
        if (slot >= slots || (!near && phase == a->phase && is_near_relay(a, slot))) {
            continue;
        }
        rc = qresi_relay_heard(n, phase, slot, frame, len, info);
        if (rc != QRES_ERR_TAG) {
            return rc;
        }
    }
    return QRES_ERR_TAG;
}

static int dispatch(qres_node *n, const arrival *a, const uint8_t *frame, size_t len,
                    qres_heard_info *info)
{
    uint32_t member = member_at(n->field, a->phase, a->slot);
    int rc;
    if (len < TAG_BYTES + 1u || len > QRES_MAX_FRAME) {
        return QRES_ERR_LENGTH;
    }
    if (limit_reached(n)) {
        return QRES_ERR_LIMIT;
    }
    rc = a->relay > 0 ? hear_relay(n, a, a->phase, 1, frame, len, info) : QRES_ERR_TAG;
    if (rc != QRES_ERR_TAG) {
        return rc;
    }
    rc = hear_other(n, a, frame, len, info);
    for (uint32_t i = 0; i < 3 && n->config.search && (rc == QRES_ERR_TAG || rc == QRES_ERR_LENGTH);
         i++) {
        uint32_t phase = a->phase + (i == 0 ? 0u : i == 1 ? UINT32_MAX : 1u);
        int as_relay = hear_relay(n, a, phase, 0, frame, len, info);
        if (as_relay != QRES_ERR_TAG) {
            return as_relay;
        }
    }
    return rc == QRES_ERR_TAG && member != QRES_NO_SLOT && len <= n->field->report_max
                   && !is_beacon(frame, len)
               ? keep_pending(n, a->phase, member, frame, len)
               : rc;
}

int qres_heard(qres_node *n, uint64_t rx_end_us, const uint8_t *frame, size_t len,
               qres_heard_info *info)
{
    uint64_t airtime = n->field->airtime_us[len <= QRES_MAX_FRAME ? len : QRES_MAX_FRAME];
    uint64_t end_us = field_time_us(n, rx_end_us);
    arrival a = locate(n, end_us > airtime ? end_us - airtime : 0);
    int rc;
    *info = (qres_heard_info){0};
    qres_settle(n); /* predictions and digests count on every report that is known */
    if (a.phase != n->trial_phase) {
        n->trial_phase = a.phase;
        n->trials = 0;
    }
    rc = dispatch(n, &a, frame, len, info);
    if (rc != QRES_OK) {
        n->counters.refused[-rc]++;
        if (rc != QRES_ERR_DUPLICATE) {
            info->kind = 0;
        }
        return rc;
    }
    n->counters.accepted++;
    info->offset_us = arrival_offset(n->field, &a, info);
    info->late = info->phase <= n->live.phase;
    /* Also of the phase just committed: whoever is ahead hears everything too late. */
    if (info->phase >= n->live.phase && n->n_offsets < QRES_MAX_SLOTS) {
        n->offset_us[n->n_offsets++] = info->offset_us;
    }
    return QRES_OK;
}
