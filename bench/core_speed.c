/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of the core's functions, one figure a run; bench/core.py builds and starts it.
 *
 *   core_speed commit MEMBERS REPORTS ROUNDS     phases 0..2 of an epoch, with conditioning
 *   core_speed epoch MEMBERS REPORTS ROUNDS      phase 3, which ends the epoch and begins one
 *   core_speed accepted|refused|foreign|length MEMBERS SEARCH ROUNDS
 *   core_speed rebuild MEMBERS PHASES ROUNDS     a late report: 1..95 phases are folded again
 *
 * prints nanoseconds and operations. Only the operation itself is between the clock's readings, and
 * it goes through a function of its own, so that callgrind can count its instructions alone.
 */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "talking.h"

static talking field;
static qres_node listener, kept;
static qres_state state;
static qres_scratch scratch;
static qres_report reports[QRES_MAX_SLOTS];
static uint64_t total_ns, operations;

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

__attribute__((noinline)) void bench_commit(uint32_t n_reports);
__attribute__((noinline)) void bench_hear(uint64_t end_us, const uint8_t *frame, size_t len);
__attribute__((noinline)) void bench_settle(void);

void bench_commit(uint32_t n_reports)
{
    qres_commit(&field.field, &scratch, &state, reports, n_reports);
}

void bench_hear(uint64_t end_us, const uint8_t *frame, size_t len)
{
    qres_heard_info info;
    (void)qres_heard(&listener, end_us, frame, len, &info);
}

void bench_settle(void)
{
    qres_settle(&listener);
}

/* Up to `wanted` members of the next phase report a value three steps from what is held. */
static uint32_t make_reports(uint32_t wanted)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < field.n; i++) {
        state.last_report[i] = state.phase; /* nobody is stale: silence is observed, too */
        if (field.field.site.member[i].phase != (state.phase + 1) % 4 || n == wanted) {
            continue;
        }
        reports[n].member = (uint8_t)i;
        reports[n].included = (uint8_t)((1u << field.field.site.n_channels) - 1u);
        reports[n].absent = 0;
        for (uint32_t c = 0; c < field.field.site.n_channels; c++) {
            reports[n].k[c] = (int16_t)(state.value[c][i] / field.field.site.channel[c].step
                                        + (chance_below(&field.chance, 2) ? 3 : -3));
        }
        n++;
    }
    return n;
}

static void commits(uint32_t n_reports, uint32_t rounds, int at_epoch_end)
{
    state = field.node[0].live;
    while (operations < rounds) {
        uint32_t n = make_reports(n_reports);
        int measured = ((state.phase + 1) % 4 == 3) == at_epoch_end;
        uint64_t start = now_ns();
        if (measured) {
            bench_commit(n);
            total_ns += now_ns() - start;
            operations++;
        } else {
            qres_commit(&field.field, &scratch, &state, reports, n);
        }
    }
}

static void hear_timed(uint64_t end_us, const uint8_t *frame, size_t len)
{
    uint64_t start = now_ns();
    bench_hear(end_us - (uint64_t)listener.clock_corr_us, frame, len);
    total_ns += now_ns() - start;
    operations++;
}

/* Each frame that the field sends, heard in time. */
static void accepted(uint32_t rounds)
{
    while (operations < rounds) {
        qres_action a;
        talk_open(&field);
        for (uint32_t i = 0; i < field.n_sent; i++) {
            hear_timed(field.sent[i].end_us, field.sent[i].bytes, field.sent[i].len);
        }
        talk_close(&field);
        qres_next(&listener,
                  field.phase * field.field.phase_us - 1 - (uint64_t)listener.clock_corr_us, &a);
    }
    CHECK(listener.counters.accepted > operations / 2, "genuine frames were refused");
}

/* Random bytes of `len` in a slot of the open phase. */
static void refused(uint32_t rounds, size_t len)
{
    const qres_field *f = &field.field;
    uint8_t bytes[64];
    while (operations < rounds) {
        uint32_t slot = chance_below(&field.chance, f->slots);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)chance_next(&field.chance);
        }
        hear_timed(field.phase * f->phase_us + f->lead_us + f->guard_us / 2 + slot * f->slot_us
                       + f->airtime_us[len < QRES_MAX_FRAME ? len : QRES_MAX_FRAME],
                   bytes, len);
    }
    CHECK(listener.counters.accepted == kept.counters.accepted, "random bytes were accepted");
}

/* What a late report costs: the state is built again from `phases` phases back. */
static void rebuild(uint32_t phases, uint32_t rounds)
{
    while (qres_era_of(&field.field, field.phase) == qres_era_of(&field.field, field.phase - 1)
           || field.phase % field.field.phases_per_day != 0) {
        talk_open(&field);
        talk_close(&field);
    }
    for (uint32_t i = 0; i < phases; i++) {
        talk_open(&field);
        talk_close(&field);
    }
    listener = field.node[0];
    while (operations < rounds) {
        uint64_t start = now_ns();
        listener.dirty = 1;
        bench_settle();
        total_ns += now_ns() - start;
        operations++;
    }
}

int main(int argc, char **argv)
{
    static const uint8_t key[16] = {1};
    CHECK(argc == 5, "usage: core_speed WHAT MEMBERS N ROUNDS");
    const char *what = argv[1];
    uint32_t members = (uint32_t)strtoul(argv[2], NULL, 10);
    uint32_t n = (uint32_t)strtoul(argv[3], NULL, 10);
    uint32_t rounds = (uint32_t)strtoul(argv[4], NULL, 10);
    qres_site site = talk_site(members, 4, 3600, 1);
    qres_config config = {QRES_NO_SLOT, 0, 0, 0, 0};
    talk_start(&field, &site, key, 20000u * 96u + 8u, 1);
    config.first_phase = field.phase;
    config.search = (uint8_t)(n != 0);
    CHECK(qres_init(&listener, &field.field, key, &config) == QRES_OK, "init");
    for (uint32_t i = 0; i < 8; i++) {
        qres_action a;
        talk_open(&field);
        for (uint32_t k = 0; k < field.n_sent; k++) {
            qres_heard_info info;
            (void)qres_heard(&listener, field.sent[k].end_us - (uint64_t)listener.clock_corr_us,
                             field.sent[k].bytes, field.sent[k].len, &info);
        }
        talk_close(&field);
        qres_next(&listener,
                  field.phase * field.field.phase_us - 1 - (uint64_t)listener.clock_corr_us, &a);
    }
    kept = listener;
    if (strcmp(what, "commit") == 0 || strcmp(what, "epoch") == 0) {
        commits(n, rounds, what[0] == 'e');
    } else if (strcmp(what, "accepted") == 0) {
        accepted(rounds);
    } else if (strcmp(what, "refused") == 0) {
        refused(rounds, 6);
    } else if (strcmp(what, "foreign") == 0) {
        refused(rounds, 23);
    } else if (strcmp(what, "length") == 0) {
        refused(rounds, 60);
    } else {
        CHECK(strcmp(what, "rebuild") == 0, "unknown: %s", what);
        rebuild(n, rounds);
    }
    (void)printf("%.1f %lu\n", (double)total_ns / (double)operations, (unsigned long)operations);
    return 0;
}
