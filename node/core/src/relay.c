/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RELAY: members that the site names repeat what they heard, for those who did not (SPEC 6.6).
 */
#include "bits.h"
#include "core.h"

enum {
    COUNT_BITS = 4,
    RECORDS_MAX = 12,
    AGE_BITS = 2,
    SLOT_BITS = 5,
    NUMBER_BITS = 7,
    LENGTH_BITS = 12,
    FRAGMENT_HEAD = 3,   /* [bytes] before the data */
    FIRST_KIND = 4,      /* of a nonce: 4 on the way there, 5 on the way back */
    PAYLOAD_MAX = QRES_MAX_FRAME - TAG_BYTES
};

/* Number of records that stands for a fragment of the scribe at that place of the order of trial. */
static const uint8_t SCRIBE_CODE[3] = {0, 14, 15};

/* One record: an older report, in full or by its low bits. */
typedef struct {
    uint32_t age, slot, full, low;
    qres_report report;
} record;

uint32_t qresi_relay_of(const qres_field *f, uint32_t slot)
{
    uint32_t n = f->site.n_relays;
    return f->site.relay[slot < n ? slot : 2 * n - 1 - slot];
}

uint64_t qresi_relay_start_us(const qres_field *f, uint32_t phase, uint32_t slot)
{
    return phase * f->phase_us + f->lead_us + f->slots * f->slot_us + (1u + slot) * f->common_us;
}

void qresi_relay_hold(qres_node *n, uint32_t era, uint32_t order, uint32_t number, uint32_t blob_len,
                      const uint8_t *data, size_t len)
{
    qres_relaying *x = &n->relaying;
    if (x->ordinal == QRES_NO_SLOT) {
        return;
    }
    x->era = era;
    x->order = (uint8_t)order;
    x->number = (uint8_t)number;
    x->blob_len = blob_len;
    x->held = (uint8_t)len;
    for (size_t i = 0; i < len; i++) {
        x->data[i] = data[i];
    }
}

static uint32_t low_width(const qres_field *f)
{
    return (uint32_t)REPORT_BITS_S * f->n_primary;
}

static uint32_t record_bits(const qres_field *f, const qres_log_entry *e)
{
    uint32_t body = e->is_s ? low_width(f) : 2u * f->site.n_channels + 16u * fx_count(e->included);
    return AGE_BITS + SLOT_BITS + 1u + body;
}

static int is_news(const qres_node *n, const qres_log_entry *e)
{
    return e->member != n->config.self && !e->relayed
           && (e->raw_len == 0 || e->raw_len == QRES_LOG_ECHO);
}

static void put_record(const qres_field *f, bit_writer *w, const qres_log_entry *e, uint32_t age)
{
    bits_put(w, age, AGE_BITS);
    bits_put(w, f->site.member[e->member].slot, SLOT_BITS);
    bits_put(w, e->is_s ? 0 : 1, 1);
    if (e->is_s) {
        bits_put(w, qresi_echo_low(f, e), low_width(f));
        return;
    }
    bits_put(w, e->included, f->site.n_channels);
    bits_put(w, e->absent, f->site.n_channels);
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        bits_put(w, (uint32_t)(int32_t)e->u.k[c], (e->included >> c) & 1 ? 16 : 0);
    }
}

/* Oldest first, before it is too old, until the frame is full. Returns the payload's length [bytes], 0 for nothing. */
static size_t put_records(qres_node *n, uint8_t *payload)
{
    const qres_field *f = n->field;
    uint32_t phase = n->live.phase + 1;
    bit_writer w = {payload, PAYLOAD_MAX, COUNT_BITS, 0};
    uint32_t count = 0;
    uint32_t oldest = phase > RELAY_AGE_MAX ? phase - RELAY_AGE_MAX : 1;
    for (uint32_t at = qresi_replica_log_position(n, oldest, 0); at < n->n_log; at++) {
        qres_log_entry *e = &n->log[at];
        if (e->phase > phase || count == RECORDS_MAX) {
            break;
        }
        if (!is_news(n, e)) {
            continue;
        }
        if (w.at + record_bits(f, e) > 8 * w.cap) {
            break;
        }
        put_record(f, &w, e, phase - e->phase);
        e->relayed = 1;
        count++;
    }
    payload[0] = (uint8_t)(payload[0] | count);
    return count == 0 ? 0 : (w.at + 7) / 8;
}

static size_t put_fragment(qres_node *n, uint8_t *payload)
{
    qres_relaying *x = &n->relaying;
    bit_writer w = {payload, PAYLOAD_MAX, 0, 0};
    size_t len = x->held;
    if (len == 0 || x->era != qres_era_of(n->field, n->live.phase + 1)) {
        return 0;
    }
    bits_put(&w, SCRIBE_CODE[x->order], COUNT_BITS);
    bits_put(&w, x->number, NUMBER_BITS);
    bits_put(&w, x->blob_len, LENGTH_BITS);
    for (size_t i = 0; i < len; i++) {
        payload[FRAGMENT_HEAD + i] = x->data[i];
    }
    x->held = 0;
    return FRAGMENT_HEAD + len;
}

static void relay_nonce(const qres_field *f, uint32_t phase, uint32_t slot, uint8_t nonce[13])
{
    qresi_seal_nonce(f, phase, f->site.member[qresi_relay_of(f, slot)].id,
                     FIRST_KIND + (slot >= f->site.n_relays), nonce);
}

size_t qresi_relay_seal(qres_node *n, uint32_t slot, uint8_t *frame)
{
    uint32_t phase = n->live.phase + 1;
    int back = slot >= n->field->site.n_relays;
    uint8_t nonce[13];
    qres_cipher cipher;
    size_t len;
    for (uint32_t i = 0; i < QRES_MAX_FRAME; i++) {
        frame[i] = 0;
    }
    len = back ? put_fragment(n, frame) : put_records(n, frame);
    if (len == 0) {
        len = back ? put_records(n, frame) : put_fragment(n, frame);
    }
    if (len == 0) {
        return 0;
    }
    cipher = qresi_seal_cipher(n, qres_era_of(n->field, phase));
    relay_nonce(n->field, phase, slot, nonce);
    qres_ccm_seal(&cipher, nonce, sizeof nonce, frame, 0, frame, len, frame + len, TAG_BYTES);
    return len + TAG_BYTES;
}

/* The next record. Returns 0 if its masks overlap. */
static int get_record(const qres_field *f, bit_reader *b, record *x)
{
    x->age = bits_get(b, AGE_BITS);
    x->slot = bits_get(b, SLOT_BITS);
    x->full = bits_get(b, 1);
    if (!x->full) {
        x->low = bits_get(b, low_width(f));
        return 1;
    }
    x->report.included = (uint8_t)bits_get(b, f->site.n_channels);
    x->report.absent = (uint8_t)bits_get(b, f->site.n_channels);
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        int has = (x->report.included >> c) & 1;
        x->report.k[c] = has ? (int16_t)bits_get_s16(b) : 0;
    }
    return (x->report.included & x->report.absent) == 0;
}

/* Place of the scribe whose fragment it is, or 3: these are records. */
static uint32_t scribe_of(const uint8_t *payload)
{
    uint32_t order = 0;
    while (order < sizeof SCRIBE_CODE && SCRIBE_CODE[order] != (payload[0] & 15)) {
        order++;
    }
    return order;
}

static int is_well_formed(const qres_field *f, const uint8_t *payload, size_t len)
{
    bit_reader b = {payload, len, COUNT_BITS, 0};
    uint32_t count = payload[0] & 15;
    uint32_t pad;
    record x;
    if (scribe_of(payload) < sizeof SCRIBE_CODE) {
        return len > FRAGMENT_HEAD && payload[2] >> 7 == 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!get_record(f, &b, &x)) {
            return 0;
        }
    }
    pad = (uint32_t)(8 * len - b.at);
    return count <= RECORDS_MAX && !b.overrun && pad < 8 && bits_get(&b, pad) == 0;
}

static void take_record(qres_node *n, uint32_t phase, record *x)
{
    uint32_t repeated = phase - x->age;
    uint32_t member = n->field->slot_member[repeated % QRES_PHASES][x->slot];
    if (member == QRES_NO_SLOT || member == n->config.self || x->age >= phase
        || !qresi_replica_accepts(n, repeated)) {
        return;
    }
    if (!x->full) {
        (void)qresi_echo_insert(n, repeated, member, x->low, 0); /* known, or no room: nothing happens */
        return;
    }
    x->report.member = (uint8_t)member;
    if (qresi_replica_log_report(n, repeated, &x->report, 0) == QRES_OK) {
        n->counters.restored++;
        qresi_replica_learnt(n, repeated, member);
    }
}

static void take_fragment(qres_node *n, uint32_t phase, const uint8_t *payload, size_t len)
{
    const qres_field *f = n->field;
    uint32_t era = qres_era_of(f, phase);
    uint32_t order = scribe_of(payload);
    bit_reader b = {payload, len, COUNT_BITS, 0};
    uint32_t number = bits_get(&b, NUMBER_BITS);
    uint32_t blob_len = bits_get(&b, LENGTH_BITS);
    if (era != qres_era_of(f, n->live.phase + 1) || order >= f->site.n_members
        || qresi_checkpoint_candidate(f, era, order) == n->config.self) {
        return;
    }
    /* Whatever becomes of the fragment, the RELAY is accepted. */
    (void)qresi_checkpoint_take(n, era, order, number, blob_len, payload + FRAGMENT_HEAD,
                                len - FRAGMENT_HEAD);
}

int qresi_relay_heard(qres_node *n, uint32_t phase, uint32_t slot, const uint8_t *frame, size_t len,
                      qres_heard_info *info)
{
    const qres_field *f = n->field;
    uint32_t *seen = &n->relaying.seen[slot][phase % QRES_PHASES];
    size_t payload_len = len - TAG_BYTES;
    uint8_t payload[QRES_MAX_FRAME];
    uint8_t nonce[13];
    qres_cipher cipher = qresi_seal_cipher(n, qres_era_of(f, phase));
    bit_reader b = {payload, payload_len, COUNT_BITS, 0};
    record x;
    n->trials++;
    for (size_t i = 0; i < payload_len; i++) {
        payload[i] = frame[i];
    }
    relay_nonce(f, phase, slot, nonce);
    if (qres_ccm_open(&cipher, nonce, sizeof nonce, frame, 0, payload, payload_len,
                      frame + payload_len, TAG_BYTES) != QRES_OK) {
        return QRES_ERR_TAG;
    }
    if (!is_well_formed(f, payload, payload_len)) {
        return QRES_ERR_RESERVED;
    }
    info->kind = QRES_FRAME_RELAY;
    info->member = (uint8_t)qresi_relay_of(f, slot);
    info->phase = phase;
    info->relay_slot = (uint8_t)slot;
    if (*seen == phase) {
        return QRES_ERR_DUPLICATE;
    }
    *seen = *seen > phase ? *seen : phase;
    if (scribe_of(payload) < sizeof SCRIBE_CODE) {
        take_fragment(n, phase, payload, payload_len);
        return QRES_OK;
    }
    for (uint32_t i = 0; i < (payload[0] & 15u); i++) {
        (void)get_record(f, &b, &x); /* is well formed */
        take_record(n, phase, &x);
    }
    return QRES_OK;
}
