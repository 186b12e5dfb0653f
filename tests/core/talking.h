/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talking.h - a field of core nodes that talk to each other, for the C tests.
 *
 * Every clock is right, nothing is lost and nothing collides; whoever includes this
 * decides what else a receiver hears. All chance comes from one seed.
 */
#ifndef QRES_TALKING_H
#define QRES_TALKING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qres.h"

/* Not assert(): it must hold in builds without debugging, too. */
#define CHECK(condition, ...)                                           \
    do {                                                                \
        if (!(condition)) {                                             \
            (void)fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            (void)fprintf(stderr, __VA_ARGS__);                         \
            (void)fprintf(stderr, "\n");                                \
            exit(1);                                                    \
        }                                                               \
    } while (0)

enum { TALK_FRAMES_MAX = 128 + 4 + 2 * QRES_MAX_RELAYS, TALK_KEEP = 4096 };

/* Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators: SplitMix64 */
typedef struct {
    uint64_t x;
} chance;

static inline uint64_t chance_next(chance *c)
{
    uint64_t z = (c->x += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 0..n-1 */
static inline uint32_t chance_below(chance *c, uint32_t n)
{
    return (uint32_t)((chance_next(c) >> 32) * n >> 32);
}

static inline int32_t chance_between(chance *c, int32_t lo, int32_t hi)
{
    return lo + (int32_t)chance_below(c, (uint32_t)(hi - lo + 1));
}

/* A frame on air. */
typedef struct {
    uint8_t sender, kind, len;
    uint32_t phase;
    uint64_t start_us, end_us;
    uint8_t bytes[QRES_MAX_FRAME];
} sent_frame;

typedef struct {
    qres_field field;
    uint8_t key[16];
    uint32_t n, phase;               /* members, and the phase to run next */
    uint8_t is_off[QRES_MAX_NODES];
    qres_node node[QRES_MAX_NODES];
    int32_t weather[QRES_MAX_NODES][QRES_MAX_CHANNELS];
    uint32_t n_sent, n_heard;        /* n_heard: of these were heard by everybody */
    uint8_t relayed;                 /* 1: the relay slots of the phase are over */
    sent_frame sent[TALK_FRAMES_MAX]; /* of the phase run last */
    chance chance;
} talking;

/* Channels 0..n-1 of a table like that of fire weather; further ones repeat its first. */
static inline void talk_channels(qres_site *s, uint32_t n)
{
    static const qres_channel table[4] = {
        {65536, 16384, -60 * 65536, 85 * 65536, 32768, 3, {10066330, 0, 0, 0}},
        {5 * 65536, 81920, 0, 100 * 65536, 32768, 3, {10066330, 0, 0, 0}},
        {65536, 16384, 0, 75 * 65536, 19661, 3, {0, 3355443, 0, 0}},
        {65536, 13107, 0, 6500 * 65536, 0, 0, {0, 0, 0, 0}}};
    s->n_channels = (uint8_t)n;
    for (uint32_t c = 0; c < n; c++) {
        s->channel[c] = table[c % 4];
        if (c >= 4) {
            s->channel[c].flags &= ~(uint32_t)QRES_PRIMARY;
        }
    }
}

/* `n` members at chance places, dealt over the phases in turn, SF7, `epoch_s` seconds. */
static inline qres_site talk_site(uint32_t n, uint32_t channels, uint32_t epoch_s, uint64_t seed)
{
    static const qres_site nothing;
    qres_site s = nothing;
    chance c = {seed};
    s.field_id = 0x51524553;
    s.epoch_s = epoch_s;
    s.range_m = 20000;
    s.lora.sf = 7;
    s.lora.bw_hz = 125000;
    s.lora.cr = 1;
    s.lora.preamble_symbols = 8;
    s.lora.crc = 1;
    talk_channels(&s, channels);
    s.n_members = (uint8_t)n;
    for (uint32_t i = 0; i < n; i++) {
        s.member[i].id = (uint8_t)i;
        s.member[i].phase = (uint8_t)(i % 4);
        s.member[i].slot = (uint8_t)(i / 4);
        s.member[i].x_m = chance_between(&c, -15000, 15000);
        s.member[i].y_m = chance_between(&c, -15000, 15000);
        s.member[i].z_m = chance_between(&c, 0, 500);
    }
    return s;
}

static inline void talk_start_node(talking *t, uint32_t i, uint32_t first_phase)
{
    qres_config config = {0, 0, 0, 0, 0};
    config.self = (uint8_t)i;
    config.first_phase = first_phase;
    config.tx_not_before = first_phase;
    CHECK(qres_init(&t->node[i], &t->field, t->key, &config) == QRES_OK, "node %lu",
          (unsigned long)i);
}

/* `t` is large: static or from the heap. */
static inline void talk_start(talking *t, const qres_site *site, const uint8_t *key,
                              uint32_t first_phase, uint64_t seed)
{
    static const int32_t typical[4] = {18 * 65536, 60 * 65536, 3 * 65536, 0};
    memset(t, 0, sizeof *t);
    CHECK(qres_field_init(&t->field, site) == QRES_OK, "%s", qres_site_problem(site));
    memcpy(t->key, key, sizeof t->key);
    t->n = site->n_members;
    t->phase = first_phase;
    t->chance.x = seed;
    for (uint32_t i = 0; i < t->n; i++) {
        talk_start_node(t, i, first_phase);
        for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
            t->weather[i][c] = typical[c % 4] + chance_between(&t->chance, -65536, 65536);
        }
    }
}

/* Weather moves: together, each on its own, and in rain only upwards. */
static inline void talk_weather(talking *t)
{
    for (uint32_t c = 0; c < t->field.site.n_channels; c++) {
        const qres_channel *ch = &t->field.site.channel[c];
        int32_t shared = chance_between(&t->chance, -ch->tol / 3, ch->tol / 3);
        for (uint32_t i = 0; i < t->n; i++) {
            int32_t own = chance_between(&t->chance, -ch->tol / 5, ch->tol / 5);
            int32_t x = t->weather[i][c] + (c % 4 == 3 ? abs(own) / 8 : shared + own);
            t->weather[i][c] = x < ch->lo ? ch->lo : x > ch->hi ? ch->hi : x;
        }
    }
}

static inline void talk_record(talking *t, uint32_t i, const qres_action *a)
{
    uint32_t at = t->n_sent++;
    sent_frame frame;
    CHECK(t->n_sent <= TALK_FRAMES_MAX, "%lu frames in a phase", (unsigned long)t->n_sent);
    frame.sender = (uint8_t)i;
    frame.kind = a->frame_kind;
    frame.len = a->len;
    frame.phase = a->phase;
    frame.start_us = a->from_us + (uint64_t)t->node[i].clock_corr_us;
    frame.end_us = a->until_us + (uint64_t)t->node[i].clock_corr_us;
    memcpy(frame.bytes, a->bytes, sizeof frame.bytes);
    for (; at > 0 && t->sent[at - 1].end_us > frame.end_us; at--) {
        t->sent[at] = t->sent[at - 1];
    }
    t->sent[at] = frame;
}

/* What all nodes send in phase t->phase, in order of time. They have not heard it yet. */
static inline void talk_open(talking *t)
{
    uint64_t start_us = t->phase * t->field.phase_us;
    t->n_sent = 0;
    t->n_heard = 0;
    t->relayed = 0;
    talk_weather(t);
    for (uint32_t i = 0; i < t->n; i++) {
        qres_action a;
        qres_node *node = &t->node[i];
        if (t->is_off[i]) {
            continue;
        }
        do {
            qres_next(node, start_us - (uint64_t)node->clock_corr_us, &a);
            if (a.kind == QRES_DO_SAMPLE) {
                qres_sample(node, t->weather[i]);
            } else if (a.kind == QRES_DO_TRANSMIT) {
                talk_record(t, i, &a);
            }
        } while (a.kind == QRES_DO_SAMPLE || a.kind == QRES_DO_TRANSMIT);
        CHECK(a.kind == QRES_DO_LISTEN && a.phase == t->phase, "node %lu: kind %d in phase %lu",
              (unsigned long)i, a.kind, (unsigned long)a.phase);
    }
}

/* Everybody hears what everybody has sent by now. */
static inline void talk_hear(talking *t)
{
    for (; t->n_heard < t->n_sent; t->n_heard++) {
        const sent_frame *s = &t->sent[t->n_heard];
        for (uint32_t i = 0; i < t->n; i++) {
            qres_heard_info info;
            if (i != s->sender && !t->is_off[i]) {
                (void)qres_heard(&t->node[i], s->end_us - (uint64_t)t->node[i].clock_corr_us,
                                 s->bytes, s->len, &info);
            }
        }
    }
}

/* Then the relay slots, one after the other (SPEC 6.6); what relays send is added to t->sent. */
static inline void talk_relay(talking *t)
{
    const qres_field *f = &t->field;
    uint32_t n = f->site.n_relays;
    uint64_t common_us = t->phase * f->phase_us + f->lead_us + f->slots * f->slot_us;
    t->relayed = 1;
    for (uint32_t r = 0; r < 2 * n; r++) {
        uint32_t i = f->site.relay[r < n ? r : 2 * n - 1 - r];
        qres_action a;
        talk_hear(t);
        if (t->is_off[i]) {
            continue;
        }
        qres_next(&t->node[i],
                  common_us + (1 + r) * f->common_us - (uint64_t)t->node[i].clock_corr_us, &a);
        if (a.kind == QRES_DO_TRANSMIT) {
            talk_record(t, i, &a);
        } else {
            CHECK(a.kind == QRES_DO_LISTEN, "relay %lu: kind %d", (unsigned long)i, a.kind);
        }
    }
}

/* Everybody hears everybody, relays speak, and all commit. Afterwards all nodes agree. */
static inline void talk_close(talking *t)
{
    uint64_t end_us = t->phase * t->field.phase_us + t->field.commit_us;
    if (!t->relayed) {
        talk_relay(t);
    }
    talk_hear(t);
    for (uint32_t i = 0; i < t->n; i++) {
        qres_action a;
        if (!t->is_off[i]) {
            qres_next(&t->node[i], end_us - (uint64_t)t->node[i].clock_corr_us, &a);
            CHECK(a.kind == QRES_DID_COMMIT && a.phase == t->phase, "node %lu: kind %d",
                  (unsigned long)i, a.kind);
        }
    }
    t->phase++;
}

#endif /* QRES_TALKING_H */
