/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power fails at every single step of the stores' flash writes.
 *
 *   cuts store|ring|snapshot ROUNDS    prints the number of cuts; ends with 1 if a promise is broken
 *
 * After each cut everything is opened again from what the flash holds, and goes on from there.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ram_flash.h"
#include "ring.h"
#include "snapshot.h"
#include "store.h"

enum { STATE_BYTES = 4 * RAM_FLASH_SECTOR, RING_BYTES = 3 * RAM_FLASH_SECTOR,
       REPLICA_BYTES = 16 * RAM_FLASH_SECTOR };

static uint8_t memory[REPLICA_BYTES];
static ram_flash power;
static ram_flash_part part;
static jmp_buf restart;
static unsigned cuts;

static void fail(const char *what, unsigned long a, unsigned long b)
{
    fprintf(stderr, "%s: %lu, %lu\n", what, a, b);
    exit(1);
}

static void cut(void *ctx)
{
    (void)ctx;
    cuts++;
    longjmp(restart, 1);
}

static uint64_t nothing(void *ctx)
{
    (void)ctx;
    return 0;
}

static port_flash new_flash(uint32_t bytes)
{
    memset(memory, 0xff, sizeof memory);
    power = (ram_flash){0};
    power.random = 0x1234567u;
    power.cut = cut;
    power.instructions = nothing;
    return ram_flash_describe(&part, &power, memory, bytes);
}

static void record(uint8_t *data, uint32_t key, uint32_t version)
{
    for (uint32_t i = 0; i < 148; i++) {
        data[i] = (uint8_t)(version * 7u + key * 31u + i);
    }
    memcpy(data, &version, sizeof version);
}

/* A record is the last one that was acknowledged, or the one that was being written. */
static void check_record(const store *s, uint32_t key, uint32_t acknowledged, uint32_t begun)
{
    uint8_t data[STORE_DATA_MAX];
    uint8_t expected[148];
    uint32_t version = 0;
    int len = store_get(s, key, data, sizeof data);
    if (len < 0 && acknowledged == 0) {
        return;
    }
    if (len != 148) {
        fail("store: lost", key, acknowledged);
    }
    memcpy(&version, data, sizeof version);
    record(expected, key, version);
    if (memcmp(data, expected, sizeof expected) != 0
        || (version != acknowledged && version != begun)) {
        fail("store: wrong", version, acknowledged);
    }
}

static void try_store(unsigned rounds)
{
    static store s;
    static volatile uint32_t acknowledged[STORE_KEYS];
    static volatile uint32_t begun[STORE_KEYS];
    static volatile unsigned round;
    const port_flash flash = new_flash(STATE_BYTES);
    if (setjmp(restart) == 0) {
        round = 0;
    }
    /* A cut costs at most the record that was being written. */
    if (store_open(&s, &flash) != PORT_OK) {
        fail("store: open", round, 0);
    }
    for (uint32_t key = 0; key < STORE_KEYS; key++) {
        uint8_t data[STORE_DATA_MAX];
        int len = store_get(&s, key, data, sizeof data);
        check_record(&s, key, acknowledged[key], begun[key]);
        if (len > 0) {
            uint32_t version;
            memcpy(&version, data, sizeof version);
            acknowledged[key] = version;
        }
    }
    while (round < rounds) {
        uint8_t data[148];
        uint32_t key = round % 3 == 0 ? 1 : round % 7 == 0 ? 2 : 0;
        round++;
        /* Each distance in turn, over head, data, CRC, erasure and copies. */
        power.cut_after = round % 5 == 0 ? 0 : 1 + round * 13 % 620;
        if (round % 4 == 0 && store_reserve(&s, 1 + round % 5, sizeof data) != PORT_OK) {
            fail("store: reserve", round, 0);
        }
        begun[key] = acknowledged[key] + 1;
        record(data, key, begun[key]);
        if (store_put(&s, key, data, sizeof data) != PORT_OK) {
            fail("store: put", round, key);
        }
        acknowledged[key] = begun[key];
        for (uint32_t k = 0; k < STORE_KEYS; k++) {
            check_record(&s, k, acknowledged[k], acknowledged[k]);
        }
    }
    if (power.overwrites != 0) {
        fail("store: a bit was to become 1 without erasing", power.overwrites, 0);
    }
}

static void try_ring(unsigned rounds)
{
    static ring r;
    static volatile uint32_t written;
    static volatile unsigned round;
    const port_flash flash = new_flash(RING_BYTES);
    uint32_t last = 0;
    if (setjmp(restart) == 0) {
        round = 0;
        written = 0;
    }
    if (ring_open(&r, &flash) != PORT_OK) {
        fail("ring: open", round, 0);
    }
    while (round < rounds) {
        ring_sample sample = {0};
        uint32_t found = 0;
        round++;
        power.cut_after = round % 5 == 0 ? 0 : 1 + round * 7 % 120;
        sample.time_s = round; /* one that was cut may be there or not */
        sample.temp_cdegc = (int16_t)-(int)(round % 3000);
        if (ring_append(&r, &sample) != PORT_OK) {
            fail("ring: append", round, 0);
        }
        written = sample.time_s;
        last = 0;
        for (uint32_t i = 0; i < ring_count(&r); i++) {
            if (ring_read(&r, i, &sample)) {
                if (sample.time_s <= last) {
                    fail("ring: order", sample.time_s, last);
                }
                last = sample.time_s;
                found++;
            }
        }
        if (last != written || (written > 254 && found < 127)) {
            fail("ring: lost", last, written);
        }
    }
    if (power.overwrites != 0) {
        fail("ring: a bit was to become 1 without erasing", power.overwrites, 0);
    }
}

static void make_site(qres_site *site)
{
    *site = (qres_site){0};
    site->field_id = 7;
    site->epoch_s = 600;
    site->range_m = 20000;
    site->lora.bw_hz = 125000;
    site->lora.sf = 9;
    site->lora.cr = 1;
    site->lora.crc = 1;
    site->lora.preamble_symbols = 8;
    site->n_channels = 1;
    site->channel[0].tol = 65536;
    site->channel[0].step = 16384;
    site->channel[0].lo = -60 * 65536;
    site->channel[0].hi = 85 * 65536;
    site->channel[0].rho = 32768;
    site->channel[0].flags = QRES_LINEAR | QRES_PRIMARY;
    site->n_members = 4;
    for (uint8_t i = 0; i < 4; i++) {
        site->member[i].id = i;
        site->member[i].phase = i;
        site->member[i].x_m = 1000 * i;
    }
}

static void start_node(qres_node *n, const qres_field *f, uint32_t phase)
{
    static const uint8_t key[16] = {1};
    const qres_config config = {0, 0, 0, phase, 0};
    if (qres_init(n, f, key, &config) != QRES_OK) {
        fail("snapshot: init", phase, 0);
    }
}

/* The node has one report a phase of its own making, so that its digest changes. */
static void one_phase(qres_node *n)
{
    uint32_t phase = n->live.phase + 1;
    qres_log_entry *e = &n->log[n->n_log];
    qres_action action;
    if (n->n_log < QRES_LOG_MAX) {
        memset(e, 0, sizeof *e);
        e->phase = phase;
        e->member = (uint8_t)(phase % 4);
        e->included = 1;
        e->u.k[0] = (int16_t)(phase * 37 % 100);
        n->n_log++;
    }
    qres_next(n, phase * n->field->phase_us + n->field->commit_us, &action);
    if (action.kind != QRES_DID_COMMIT) {
        fail("snapshot: no commit", phase, action.kind);
    }
}

/* A node from what the flash holds, which has committed up to `phase`. */
static void come_back(qres_node *n, const qres_field *f, snapshot *s, const port_flash *flash,
                      uint32_t phase, uint32_t saved)
{
    snapshot_open(s, flash);
    start_node(n, f, phase + 1);
    if (!snapshot_restore(s, n, phase + 1) && saved != 0) {
        fail("snapshot: gone", phase, s->sequence);
    }
    while (n->live.phase < phase) {
        qres_action action;
        qres_next(n, (n->live.phase + 1) * f->phase_us + f->commit_us, &action);
    }
}

static void try_snapshot(unsigned rounds)
{
    static qres_site site;
    static qres_field field;
    static qres_node n;
    static qres_node copy;
    static snapshot s;
    static volatile unsigned round;
    static volatile uint32_t saved;
    static volatile uint32_t committed;
    const port_flash flash = new_flash(REPLICA_BYTES);
    const uint32_t first = 20000u * 576u - 20;
    make_site(&site);
    if (qres_field_init(&field, &site) != QRES_OK) {
        fail("snapshot: site", 0, 0);
    }
    if (setjmp(restart) == 0) {
        round = 0;
        saved = 0;
        start_node(&n, &field, first);
    } else {
        come_back(&n, &field, &s, &flash, committed, saved);
    }
    snapshot_open(&s, &flash);
    while (round < rounds) {
        uint32_t base = n.base.phase;
        round++;
        power.cut_after = round % 4 == 0 ? 0 : 1 + (round * 97u) % (round % 9 == 0 ? 14000 : 30);
        one_phase(&n);
        committed = n.live.phase;
        if (n.base.phase != base || saved == 0 || round % 9 == 0) {
            if (snapshot_save(&s, &n) != PORT_OK) {
                fail("snapshot: save", round, 0);
            }
            saved = 1;
        } else if (snapshot_append(&s, &n, n.live.phase) != PORT_OK) {
            fail("snapshot: append", round, 0);
        }
        come_back(&copy, &field, &s, &flash, committed, saved);
        if (qres_digest(&copy) != qres_digest(&n)) {
            fail("snapshot: another state", round, cuts);
        }
    }
    if (power.overwrites != 0) {
        fail("snapshot: a bit was to become 1 without erasing", power.overwrites, 0);
    }
}

int main(int argc, char **argv)
{
    unsigned rounds = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (rounds == 0) {
        fprintf(stderr, "usage: cuts store|ring|snapshot ROUNDS\n");
        return 2;
    }
    if (strcmp(argv[1], "store") == 0) {
        try_store(rounds);
    } else if (strcmp(argv[1], "ring") == 0) {
        try_ring(rounds);
    } else {
        try_snapshot(rounds);
    }
    printf("%u\n", cuts);
    return 0;
}
