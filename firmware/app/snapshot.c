/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include "bytes.h"

enum {
    HEAD_BYTES = 36,  /* magic, sequence, site, layout, flags, digest, snapshot's, 2 CRCs */
    ENTRY_BYTES = 24,
    RAW_BYTES = 12,
    DAYS_KEPT = 2
};
#define MAGIC 0x31505351u /* "QSP1" */

/* What else of the node goes with the base. */
enum { FLAG_SNAP = 1, FLAG_SYNCED = 2 };

/* The base is kept as it lies in memory: only the same build reads it again. */
static uint32_t layout(void)
{
    const uint32_t version = QRES_VERSION_MAJOR * 256u + QRES_VERSION_MINOR * 16u + QRES_WIRE_VERSION;
    return (uint32_t)sizeof(qres_state) * 4096u + version;
}

static uint32_t base_bytes(void)
{
    return ((uint32_t)sizeof(qres_state) + 3u) & ~3u;
}

static int16_t signed16(uint32_t x)
{
    return (int16_t)signed32((x & 0xffffu) | ((x & 0x8000u) != 0 ? 0xffff0000u : 0u));
}

static uint32_t half_bytes(const snapshot *s)
{
    return s->flash->bytes / 2 / s->flash->sector_bytes * s->flash->sector_bytes;
}

/* Head of the half at `start`; returns its sequence number, 0 if it has no valid head. */
static uint32_t read_head(const snapshot *s, uint32_t start, uint8_t head[HEAD_BYTES])
{
    if (s->flash->read(s->flash->ctx, start, head, HEAD_BYTES) != PORT_OK
        || get32(head) != MAGIC || crc32_of(head, 32) != get32(head + 32)
        || get32(head + 12) != layout()) {
        return 0;
    }
    return get32(head + 4);
}

static int read_entry(const snapshot *s, uint32_t at, uint8_t entry[ENTRY_BYTES])
{
    return at + ENTRY_BYTES <= s->start + half_bytes(s)
           && s->flash->read(s->flash->ctx, at, entry, ENTRY_BYTES) == PORT_OK
           && (crc32_of(entry, 22) & 0xffffu) == get16(entry + 22);
}

static int is_erased(const snapshot *s, uint32_t at)
{
    uint8_t entry[ENTRY_BYTES];
    if (at + ENTRY_BYTES > s->start + half_bytes(s)
        || s->flash->read(s->flash->ctx, at, entry, ENTRY_BYTES) != PORT_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < ENTRY_BYTES; i++) {
        if (entry[i] != 0xff) {
            return 0;
        }
    }
    return 1;
}

void snapshot_open(snapshot *s, const port_flash *flash)
{
    uint8_t head[HEAD_BYTES];
    *s = (snapshot){0};
    if (flash->bytes == 0 || flash->bytes / 2 < flash->sector_bytes + base_bytes()) {
        return;
    }
    s->flash = flash;
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t start = half * half_bytes(s);
        uint32_t sequence = read_head(s, start, head);
        if (sequence > s->sequence) {
            s->sequence = sequence;
            s->start = start;
            s->end = start + HEAD_BYTES + base_bytes();
        }
    }
    /* Entries are all of one length: a torn one is passed over. */
    while (s->end != 0 && !is_erased(s, s->end)) {
        s->end += ENTRY_BYTES;
    }
}

static int append(snapshot *s, const qres_log_entry *e)
{
    uint8_t p[ENTRY_BYTES];
    uint32_t at = s->end;
    if (at == 0 || at + ENTRY_BYTES > s->start + half_bytes(s)) {
        return PORT_ERR_FLASH;
    }
    put32(p, e->phase);
    p[4] = e->member;
    p[5] = e->included;
    p[6] = e->absent;
    p[7] = e->raw_len;
    p[8] = e->is_s;
    p[9] = e->echoes;
    for (uint32_t i = 0; i < RAW_BYTES; i++) {
        p[10 + i] = e->u.raw[i];
    }
    if (e->raw_len == 0) {
        for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
            put16(&p[10 + 2 * c], (uint16_t)e->u.k[c]);
        }
    }
    put16(p + 22, crc32_of(p, 22));
    s->end += ENTRY_BYTES;
    return s->flash->prog(s->flash->ctx, at, p, sizeof p);
}

int snapshot_append(snapshot *s, const qres_node *n, uint32_t phase)
{
    for (uint32_t i = 0; i < n->n_log && s->end != 0; i++) {
        if (n->log[i].phase == phase) {
            int rc = append(s, &n->log[i]);
            if (rc != PORT_OK) {
                return rc;
            }
        }
    }
    return PORT_OK;
}

int snapshot_append_one(snapshot *s, const qres_node *n, uint32_t phase, uint32_t member)
{
    for (uint32_t i = 0; i < n->n_log && s->end != 0; i++) {
        if (n->log[i].phase == phase && n->log[i].member == member) {
            return append(s, &n->log[i]);
        }
    }
    return PORT_OK;
}

int snapshot_append_missing(snapshot *s, const qres_node *n, uint32_t first)
{
    uint8_t kept[QRES_LOG_MAX / 8] = {0};
    uint32_t from = 0;
    int rc = PORT_OK;
    while (from < n->n_log && n->log[from].phase < first) {
        from++;
    }
    for (uint32_t at = s->end == 0 ? 0 : s->start + HEAD_BYTES + base_bytes(); at < s->end;
         at += ENTRY_BYTES) {
        uint8_t p[ENTRY_BYTES];
        if (!read_entry(s, at, p) || get32(p) < first) {
            continue;
        }
        for (uint32_t i = from; i < n->n_log && n->log[i].phase <= get32(p); i++) {
            const qres_log_entry *e = &n->log[i];
            if (e->phase == get32(p) && e->member == p[4] && e->raw_len == p[7]) {
                kept[i / 8] = (uint8_t)(kept[i / 8] | 1u << i % 8);
            }
        }
    }
    for (uint32_t i = from; i < n->n_log && n->log[i].phase <= n->live.phase && rc == PORT_OK; i++) {
        if (((kept[i / 8] >> i % 8) & 1) == 0) {
            rc = append(s, &n->log[i]);
        }
    }
    return rc;
}

int snapshot_save(snapshot *s, const qres_node *n)
{
    const port_flash *f = s->flash;
    uint8_t head[HEAD_BYTES];
    uint32_t start;
    int rc;
    if (f == NULL) {
        return PORT_ERR_FLASH;
    }
    start = s->sequence != 0 && s->start == 0 ? half_bytes(s) : 0;
    for (uint32_t at = 0; at < half_bytes(s); at += f->sector_bytes) {
        rc = f->erase(f->ctx, start + at);
        if (rc != PORT_OK) {
            return rc;
        }
    }
    put32(head, MAGIC);
    put32(head + 4, s->sequence + 1);
    put32(head + 8, n->field->site_hash);
    put32(head + 12, layout());
    put32(head + 16, (n->snap_valid ? FLAG_SNAP : 0u) | (n->synced ? FLAG_SYNCED : 0u));
    put32(head + 20, qres_state_digest(n->field, &n->base));
    put32(head + 24, n->snap_digest);
    put32(head + 28, crc32_of((const uint8_t *)&n->base, sizeof n->base));
    put32(head + 32, crc32_of(head, 32));
    rc = f->prog(f->ctx, start + HEAD_BYTES, &n->base, base_bytes());
    if (rc == PORT_OK) {
        rc = f->prog(f->ctx, start, head, sizeof head);
    }
    if (rc != PORT_OK) {
        return rc;
    }
    s->sequence++;
    s->start = start;
    s->end = start + HEAD_BYTES + base_bytes();
    for (uint32_t i = 0; i < n->n_log && rc == PORT_OK; i++) {
        if (n->log[i].phase <= n->live.phase) {
            rc = append(s, &n->log[i]);
        }
    }
    return rc;
}

/* Put an entry where the log's order has it. A later one of the same report wins. */
static void insert(qres_node *n, const uint8_t *p)
{
    qres_log_entry e;
    uint32_t at = n->n_log;
    e.phase = get32(p);
    e.member = p[4];
    e.included = p[5];
    e.absent = p[6];
    e.raw_len = p[7];
    e.is_s = p[8];
    e.echoes = p[9];
    e.relayed = 0; /* at worst it is repeated once more */
    for (uint32_t i = 0; i < RAW_BYTES / 2; i++) {
        if (e.raw_len == 0) {
            e.u.k[i] = signed16(get16(&p[10 + 2 * i]));
        } else {
            e.u.raw[2 * i] = p[10 + 2 * i];
            e.u.raw[2 * i + 1] = p[11 + 2 * i];
        }
    }
    if (e.phase <= n->base.phase || e.member >= n->field->site.n_members
        || (e.raw_len > RAW_BYTES && e.raw_len != QRES_LOG_ECHO)) {
        return;
    }
    while (at > 0 && (n->log[at - 1].phase > e.phase
                      || (n->log[at - 1].phase == e.phase && n->log[at - 1].member > e.member))) {
        at--;
    }
    if (at > 0 && n->log[at - 1].phase == e.phase && n->log[at - 1].member == e.member) {
        n->log[at - 1] = e;
        return;
    }
    if (n->n_log == QRES_LOG_MAX) {
        return;
    }
    for (uint32_t i = n->n_log; i > at; i--) {
        n->log[i] = n->log[i - 1];
    }
    n->log[at] = e;
    n->n_log++;
}

/* Read the base into a node. Returns 0 if it is not what was written, or too old. */
static int restore_base(const snapshot *s, qres_node *n, const uint8_t *head, uint32_t phase)
{
    const port_flash *f = s->flash;
    return f->read(f->ctx, s->start + HEAD_BYTES, &n->base, sizeof n->base) == PORT_OK
           && crc32_of((const uint8_t *)&n->base, sizeof n->base) == get32(head + 28)
           && qres_state_digest(n->field, &n->base) == get32(head + 20) && n->base.phase < phase
           && phase - n->base.phase <= DAYS_KEPT * n->field->phases_per_day;
}

int snapshot_restore(const snapshot *s, qres_node *n, uint32_t phase)
{
    uint8_t head[HEAD_BYTES];
    uint32_t era_start;
    if (s->flash == NULL || s->end == 0 || read_head(s, s->start, head) != s->sequence
        || get32(head + 8) != n->field->site_hash) {
        return 0;
    }
    if (!restore_base(s, n, head, phase)) {
        qres_state_init(&n->base, n->field, n->live.phase);
        return 0;
    }
    n->live = n->base;
    n->synced = (get32(head + 16) & FLAG_SYNCED) != 0;
    n->snap_valid = (get32(head + 16) & FLAG_SNAP) != 0;
    n->snap_digest = get32(head + 24);
    n->snap_era = qres_era_of(n->field, n->base.phase + 1);
    era_start = qres_era_start(n->field, n->snap_era);
    n->slid = n->base.phase + 1 != era_start;
    n->recent_phase[n->base.phase % QRES_DIGEST_HISTORY] = n->base.phase;
    n->recent_digest[n->base.phase % QRES_DIGEST_HISTORY] = get32(head + 20);
    for (uint32_t at = s->start + HEAD_BYTES + base_bytes(); at < s->end; at += ENTRY_BYTES) {
        uint8_t entry[ENTRY_BYTES];
        if (read_entry(s, at, entry)) {
            insert(n, entry);
        }
    }
    return 1;
}
