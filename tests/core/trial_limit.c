/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flood of forgeries may cost (SPEC 8, trial addressing): beyond trial_limit a phase's
 * frames are refused unread, the next phase is heard again, and what the limit does to frames off
 * the air it does not do to logged ones, so that it never decides what a replica holds.
 */
#include "talking.h"

enum { MEMBERS = 12, LIMIT = 100, FLOOD = 2000, TRIALS_OF_A_FRAME = 27 + 2 + 2 * MEMBERS };

static talking field;
static qres_node limited, unlimited;
static chance dice = {7};

static void listen_from(qres_node *n, uint32_t limit, uint32_t first_phase)
{
    qres_config config = {QRES_NO_SLOT, 1, 0, 0, 0};
    config.trial_limit = limit;
    config.first_phase = first_phase;
    CHECK(qres_init(n, &field.field, field.key, &config) == QRES_OK, "init");
}

/* Random frames in the first half of slot 0. Returns how many were refused unread. */
static uint32_t flood(qres_node *n, uint32_t frames)
{
    const qres_field *f = &field.field;
    uint32_t unread = n->counters.refused[-QRES_ERR_LIMIT];
    uint64_t start = field.phase * f->phase_us + f->lead_us + f->guard_us / 2;
    for (uint32_t i = 0; i < frames; i++) {
        qres_heard_info info;
        uint8_t bytes[6];
        for (uint32_t b = 0; b < sizeof bytes; b++) {
            bytes[b] = (uint8_t)chance_next(&dice);
        }
        (void)qres_heard(n, start + f->airtime_us[6] - (uint64_t)n->clock_corr_us, bytes, 6, &info);
    }
    return n->counters.refused[-QRES_ERR_LIMIT] - unread;
}

static uint32_t hear_field(qres_node *n)
{
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < field.n_sent; i++) {
        qres_heard_info info;
        const sent_frame *s = &field.sent[i];
        accepted += qres_heard(n, s->end_us - (uint64_t)n->clock_corr_us, s->bytes, s->len, &info)
                    == QRES_OK;
    }
    return accepted;
}

static void commit(qres_node *n)
{
    qres_action a;
    uint64_t end_us = field.phase * field.field.phase_us - 1;
    do {
        qres_next(n, end_us - (uint64_t)n->clock_corr_us, &a);
    } while (a.kind == QRES_DID_COMMIT);
    CHECK(n->live.phase == field.phase - 1, "at phase %lu", (unsigned long)n->live.phase);
}

/* A flood in one phase, none in the next. */
static void test_flood_is_bounded_and_over_with_the_phase(void)
{
    uint32_t unread;
    listen_from(&limited, LIMIT, field.phase);
    for (uint32_t i = 0; i < 40; i++) {
        talk_open(&field);
        CHECK(hear_field(&limited) == field.n_sent, "a genuine frame was refused");
        talk_close(&field);
        commit(&limited);
    }
    talk_open(&field);
    unread = flood(&limited, FLOOD);
    CHECK(limited.trials >= LIMIT && limited.trials < LIMIT + TRIALS_OF_A_FRAME, "%lu trials",
          (unsigned long)limited.trials);
    CHECK(unread > FLOOD - LIMIT, "%lu of %d refused unread", (unsigned long)unread, FLOOD);
    CHECK(hear_field(&limited) == 0, "heard beyond the limit");
    talk_close(&field);
    commit(&limited);
    for (uint32_t i = 0, heard = 0; heard == 0; i++) {
        CHECK(i < 40, "the field fell silent");
        talk_open(&field);
        (void)flood(&limited, 1); /* one alone does no harm */
        heard = hear_field(&limited);
        CHECK(i > 0 || heard > 0 || field.n_sent == 0, "still deaf in the next phase");
        talk_close(&field);
        commit(&limited);
    }
}

/*
 * Two replicas join in mid-era: they keep frames undecoded and read them once a checkpoint is
 * there. One of them is flooded to its limit in each phase, after the genuine frames.
 */
static void test_limit_does_not_decide_what_is_held(void)
{
    uint32_t pending;
    while (field.phase % 96 != 2) {
        talk_open(&field);
        talk_close(&field);
    }
    listen_from(&limited, LIMIT, field.phase);
    listen_from(&unlimited, 0, field.phase);
    for (uint32_t i = 0; i < 96; i++) {
        talk_open(&field);
        (void)hear_field(&limited);
        (void)hear_field(&unlimited);
        (void)flood(&limited, LIMIT);
        talk_close(&field);
        commit(&limited);
        commit(&unlimited);
        if (i == 0) {
            continue;
        }
        CHECK(qres_digest(&limited) == qres_digest(&unlimited), "%lu phases after joining",
              (unsigned long)i);
    }
    pending = unlimited.counters.refused[-QRES_ERR_PENDING];
    CHECK(pending > 5, "only %lu frames had to wait: nothing was tested", (unsigned long)pending);
    CHECK(unlimited.counters.adopted == 1 && limited.counters.adopted == 1, "not adopted");
    CHECK(limited.counters.refused[-QRES_ERR_LIMIT] > 1000, "no flood");
}

int main(void)
{
    static const uint8_t key[16] = {1, 2, 3};
    qres_site site = talk_site(MEMBERS, 4, 3600, 3);
    talk_start(&field, &site, key, 20000u * 96u, 3);
    test_flood_is_bounded_and_over_with_the_phase();
    test_limit_does_not_decide_what_is_held();
    return 0;
}
