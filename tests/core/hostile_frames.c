/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field of 28 nodes talks; two replicas listen, one as nodes do, one as the gateway does, and
 * between the genuine frames a great many hostile ones hit them. A frame that is refused changes
 * nothing but counters; a frame that is accepted is genuine, bit for bit, with the right sender and
 * phase; every frame is counted exactly once; and at each commit both replicas equal the field.
 *
 *   hostile_frames [FRAMES [SEED]]        default 50000 frames, seed 1
 *
 * A third of the frames hits a plain field, a third one with echo (SPEC 6.5), a third one with relays
 * (SPEC 6.6).
 * Some 50 candidates are tried for a plausible frame, each a chance of 2^-32 to pass: a run with a
 * million frames and a random seed fails by chance once in a hundred. Seed 1 does not.
 */
#include "talking.h"

enum {
    MEMBERS = 28,
    WARM_UP = 40,   /* phases, the last of them after midnight: a checkpoint is under way */
    AFTER_MIDNIGHT = 8,
    VICTIMS = 2,
    FOREIGNERS = 3
};

/* What is thrown. */
enum {
    RANDOM, RANDOM_LENGTH_KNOWN, TRUNCATED, FLIPPED, EXTENDED, FORGED_BEACON, FOREIGN, REPLAY,
    WRONG_TIME, GENUINE, WAYS
};

static const char *const way_name[WAYS] = {
    "random", "random, known length", "truncated", "bits flipped", "extended", "forged beacon",
    "foreign field", "replay", "wrong time", "genuine, in time"};

static talking field, foreigner[FOREIGNERS];
static qres_node victim[VICTIMS], before;
static sent_frame kept[TALK_KEEP];
static uint32_t n_kept, thrown, relays_heard, accepted_by_way[WAYS], thrown_by_way[WAYS];
static chance dice;

static uint32_t counted(const qres_node *n)
{
    uint32_t sum = n->counters.accepted;
    for (uint32_t i = 0; i < QRES_ERR_COUNT; i++) {
        sum += n->counters.refused[i];
    }
    return sum;
}

#define SAME(member) (memcmp(&a->member, &b->member, sizeof a->member) == 0)

/* Everything but counters of refusals, trials, cached keys and work space. */
static int is_unchanged(const qres_node *a, const qres_node *b)
{
    return SAME(base) && SAME(live) && SAME(waypoint) && SAME(judged) && SAME(n_log)
           && memcmp(a->log, b->log, a->n_log * sizeof a->log[0]) == 0 && SAME(assembly)
           && SAME(relaying) && SAME(blob_len) && SAME(blob) && SAME(recent_phase) && SAME(recent_digest)
           && SAME(dirty) && SAME(synced) && SAME(diverged) && SAME(slid) && SAME(snap_valid)
           && SAME(snap_era) && SAME(snap_digest) && SAME(beacon_phase) && SAME(suspect_bits)
           && SAME(match_run) && SAME(clock_corr_us) && SAME(clock_rate_ppb) && SAME(n_offsets)
           && SAME(offset_us) && SAME(counters.accepted) && SAME(counters.rebuilds)
           && SAME(counters.adopted) && SAME(counters.verified);
}

static int is_genuine(const uint8_t *bytes, size_t len, const qres_heard_info *info)
{
    for (uint32_t i = 0; i < n_kept && i < TALK_KEEP; i++) {
        const sent_frame *g = &kept[i];
        if (g->len == len && memcmp(g->bytes, bytes, len) == 0 && g->kind == info->kind
            && g->sender == info->member && g->phase == info->phase) {
            return 1;
        }
    }
    return 0;
}

static void throw_at(qres_node *n, uint32_t way, const uint8_t *bytes, size_t len, uint64_t end_us)
{
    qres_heard_info info;
    uint32_t count = counted(n);
    int rc;
    before = *n;
    rc = qres_heard(n, end_us - (uint64_t)n->clock_corr_us, bytes, len, &info);
    thrown++;
    thrown_by_way[way]++;
    accepted_by_way[way] += rc == QRES_OK;
    CHECK(counted(n) == count + 1, "frame %lu counted %lu times", (unsigned long)thrown,
          (unsigned long)(counted(n) - count));
    CHECK(rc == QRES_OK || n->counters.refused[-rc] == before.counters.refused[-rc] + 1,
          "frame %lu: reason %d not counted", (unsigned long)thrown, rc);
    if (rc == QRES_OK || rc == QRES_ERR_DUPLICATE) {
        CHECK(is_genuine(bytes, len, &info), "frame %lu (%s): a forgery was believed, code %d",
              (unsigned long)thrown, way_name[way], rc);
    }
    CHECK(way != GENUINE || rc == QRES_OK || rc == QRES_ERR_DUPLICATE,
          "frame %lu: genuine, in time, and refused with code %d", (unsigned long)thrown, rc);
    CHECK(rc == QRES_OK || is_unchanged(n, &before), "frame %lu (%s): code %d, but an effect",
          (unsigned long)thrown, way_name[way], rc);
}

/* A time at which a frame of `len` bytes would end if it came in some slot of the open phase. */
static uint64_t plausible_end_us(size_t len)
{
    const qres_field *f = &field.field;
    uint32_t slot = chance_below(&dice, f->slots + 1u + 2u * f->site.n_relays);
    uint64_t start = field.phase * f->phase_us + f->lead_us + f->guard_us / 2
                     + (slot <= f->slots ? slot * f->slot_us
                                         : f->slots * f->slot_us + (slot - f->slots) * f->common_us);
    start += chance_below(&dice, 40000);
    return start - 20000 + f->airtime_us[len < QRES_MAX_FRAME ? len : QRES_MAX_FRAME];
}

static const sent_frame *some_kept(void)
{
    return &kept[chance_below(&dice, n_kept < TALK_KEEP ? n_kept : TALK_KEEP)];
}

/* One of this phase, else an old one. */
static const sent_frame *some_genuine(void)
{
    return field.n_sent != 0 && chance_below(&dice, 2) == 0
               ? &field.sent[chance_below(&dice, field.n_sent)]
               : some_kept();
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)chance_next(&dice);
    }
}

/* Any moment within three days of now, or one when the frame was due: the clock stepped back. */
static uint64_t wrong_time(const sent_frame *g)
{
    uint64_t now = field.phase * field.field.phase_us;
    uint64_t day_us = UINT64_C(86400000000);
    return chance_below(&dice, 3) == 0
               ? g->end_us
               : now - 3 * day_us + (chance_next(&dice) % (6 * day_us / 1000)) * 1000;
}

static size_t genuine_bent(uint32_t way, uint8_t *bytes, const sent_frame *g)
{
    size_t len = g->len;
    memcpy(bytes, g->bytes, len);
    if (way == TRUNCATED) {
        len = chance_below(&dice, (uint32_t)len);
    } else if (way == EXTENDED) {
        size_t more = 1 + chance_below(&dice, 20);
        fill(bytes + len, more);
        len += more;
    } else {
        for (uint32_t i = 1 + chance_below(&dice, 3); i > 0; i--) {
            uint32_t bit = chance_below(&dice, (uint32_t)len * 8);
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << (bit % 8));
        }
        bytes[0] ^= memcmp(bytes, g->bytes, len) == 0; /* the same bit twice mends the frame */
    }
    return len;
}

static size_t forged_beacon(uint8_t *bytes)
{
    fill(bytes, 16);
    bytes[0] = (uint8_t)(0xB0 + (chance_below(&dice, 8) == 0 ? chance_below(&dice, 16)
                                                             : QRES_WIRE_VERSION));
    bytes[1] = (uint8_t)chance_below(&dice, MEMBERS + 4);
    for (uint32_t i = 0; i < 4; i++) {
        bytes[2 + i] = (uint8_t)(field.phase >> (8 * i));
    }
    bytes[6] = (uint8_t)field.field.site_hash;
    bytes[7] = (uint8_t)(field.field.site_hash >> 8);
    return 16;
}

static void throw_one(void)
{
    static const uint8_t known[] = {6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 24, 30, 37, 44, 51};
    uint8_t bytes[256];
    size_t len = 0;
    qres_node *n = &victim[chance_below(&dice, VICTIMS)];
    uint32_t way = chance_below(&dice, GENUINE);
    const sent_frame *g = way == REPLAY ? some_kept() : some_genuine();
    uint64_t end_us;
    if (way == FOREIGN) {
        const talking *other = &foreigner[chance_below(&dice, FOREIGNERS)];
        way = other->n_sent == 0 ? (uint32_t)RANDOM : way;
        g = other->n_sent == 0 ? g : &other->sent[chance_below(&dice, other->n_sent)];
    }
    if (way == RANDOM) {
        len = chance_below(&dice, 256);
        fill(bytes, len);
    } else if (way == RANDOM_LENGTH_KNOWN) {
        len = known[chance_below(&dice, sizeof known)];
        fill(bytes, len);
    } else if (way == FORGED_BEACON) {
        len = forged_beacon(bytes);
    } else if (way == TRUNCATED || way == FLIPPED || way == EXTENDED) {
        len = genuine_bent(way, bytes, g);
    } else {
        len = g->len;
        memcpy(bytes, g->bytes, len);
    }
    end_us = way == WRONG_TIME ? wrong_time(g)
             : (way == FLIPPED && chance_below(&dice, 2) == 0) || way == FOREIGN
                 ? g->end_us
                 : plausible_end_us(len);
    throw_at(n, way, bytes, len, end_us);
}

/* The field's frames from number `from` on, with `frames` hostile ones around them. */
static void hear_among(uint32_t from, uint32_t frames)
{
    uint32_t n = field.n_sent - from;
    for (uint32_t g = from; g < field.n_sent; g++) {
        kept[n_kept++ % TALK_KEEP] = field.sent[g];
    }
    for (uint32_t g = 0; g <= n; g++) {
        for (uint32_t i = g * frames / (n + 1u); i < (g + 1) * frames / (n + 1u); i++) {
            throw_one();
        }
        for (uint32_t i = 0; i < VICTIMS && g < n; i++) {
            const sent_frame *s = &field.sent[from + g];
            throw_at(&victim[i], GENUINE, s->bytes, s->len, s->end_us);
            relays_heard += s->kind == QRES_FRAME_RELAY;
        }
    }
}

/* One phase of the field with `frames` hostile ones around the genuine ones. */
static void run_phase(uint32_t frames)
{
    uint32_t before_relays = field.field.site.n_relays > 0 ? frames / 2 : frames;
    uint32_t n;
    qres_action a;
    talk_open(&field);
    for (uint32_t i = 0; i < FOREIGNERS && frames != 0; i++) {
        talk_open(&foreigner[i]);
    }
    hear_among(0, before_relays);
    for (uint32_t i = 0; i < FOREIGNERS && frames != 0; i++) {
        talk_relay(&foreigner[i]);
    }
    n = field.n_sent;
    talk_relay(&field);
    hear_among(n, frames - before_relays);
    for (uint32_t i = 0; i < FOREIGNERS && frames != 0; i++) {
        talk_close(&foreigner[i]);
    }
    talk_close(&field);
    for (uint32_t i = 0; i < VICTIMS; i++) {
        uint64_t end_us = field.phase * field.field.phase_us - 1;
        qres_next(&victim[i], end_us - (uint64_t)victim[i].clock_corr_us, &a);
        CHECK(a.kind == QRES_DID_COMMIT && a.phase == field.phase - 1, "replica %lu: kind %d",
              (unsigned long)i, a.kind);
        CHECK(qres_digest(&victim[i]) == qres_digest(&field.node[0]),
              "replica %lu differs from the field after phase %lu", (unsigned long)i,
              (unsigned long)a.phase);
    }
}

static void start(uint64_t seed, uint32_t echo, uint32_t relays)
{
    uint8_t key[16];
    qres_site site = talk_site(MEMBERS, 4, 3600, seed);
    qres_config listens = {QRES_NO_SLOT, 0, 0, 0, 0};
    uint32_t midnight = 20000u * 96u;
    site.echo = echo;
    site.n_relays = (uint8_t)relays;
    for (uint32_t i = 0; i < relays; i++) {
        site.relay[i] = (uint8_t)(9 * i + 2);
    }
    dice.x = seed;
    n_kept = 0;
    fill(key, sizeof key);
    listens.first_phase = midnight - WARM_UP + AFTER_MIDNIGHT;
    talk_start(&field, &site, key, listens.first_phase, seed);
    for (uint32_t i = 0; i < VICTIMS; i++) {
        listens.search = i == 1;
        CHECK(qres_init(&victim[i], &field.field, key, &listens) == QRES_OK, "replica");
    }
    for (uint32_t i = 0; i < WARM_UP; i++) {
        run_phase(0);
    }
    CHECK(victim[0].assembly.have > 0 && !victim[0].assembly.done, "no checkpoint under way");
    CHECK(victim[0].n_log > 5, "the log has %lu reports", (unsigned long)victim[0].n_log);
    for (uint32_t i = 0; i < FOREIGNERS; i++) {
        uint8_t other_key[16];
        qres_site other = site;
        memcpy(other_key, key, sizeof key);
        other_key[0] ^= i == 0;              /* another key */
        other.field_id ^= i == 1;            /* another field with the same key */
        other.member[5].x_m += i == 2;       /* another edition of the site file */
        talk_start(&foreigner[i], &other, other_key, field.phase, seed + 1 + i);
    }
}

/* Throw `frames` at a field; what was counted must be what was thrown. */
static void besiege(uint32_t frames, uint64_t seed, uint32_t echo, uint32_t relays)
{
    uint32_t phases = frames / 500 < 200 ? frames / 500 + 1 : 200;
    uint32_t first = thrown;
    uint32_t genuine = accepted_by_way[GENUINE];
    uint32_t sum = 0;
    start(seed, echo, relays);
    for (uint32_t i = 0; i < phases; i++) {
        run_phase((i + 1) * frames / phases - i * frames / phases);
    }
    for (uint32_t i = 0; i < VICTIMS; i++) {
        sum += counted(&victim[i]);
    }
    CHECK(sum == thrown - first, "%lu counted of %lu", (unsigned long)sum,
          (unsigned long)(thrown - first));
    CHECK(accepted_by_way[GENUINE] - genuine > phases, "hardly a genuine frame was accepted");
    CHECK(relays == 0 ? relays_heard == 0 : relays_heard > phases, "%lu RELAYs of %lu relays",
          (unsigned long)relays_heard, (unsigned long)relays);
}

int main(int argc, char **argv)
{
    uint32_t frames = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    (void)printf("%lu hostile frames, seed %llu\n", (unsigned long)frames,
                 (unsigned long long)seed);
    besiege(frames / 3, seed, 0, 0);
    besiege(frames / 3, seed, 1, 0);
    besiege(frames - frames / 3 * 2, seed, 0, 3);
    for (uint32_t way = 0; way < WAYS; way++) {
        (void)printf("%-22s %8lu thrown %6lu accepted\n", way_name[way],
                     (unsigned long)thrown_by_way[way], (unsigned long)accepted_by_way[way]);
        CHECK(way > FOREIGN || accepted_by_way[way] == 0, "%s frames were accepted", way_name[way]);
    }
    return 0;
}
