/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core.h - what the files of the core share with each other and nobody else.
 */
#ifndef QRES_CORE_H
#define QRES_CORE_H

#include "fixed.h"
#include "qres.h"

enum {
    QRES_PHASES = 4,                /* of an epoch */
    REPORT_BITS_S = 5,              /* of a value in form S and in an echo */
    TAG_BYTES = 4,
    BEACON_BYTES = 16,
    CHECKPOINT_HEAD = 3,            /* number and length before the data */
    WEIGHT_MAX_LEVEL = 15938355,    /* 0.95 in Q24: weights 1 and 2 stay contractive */
    WEIGHT_MAX_DIURNAL = 33554432,  /* 2 in Q24, in tolerances */
    WEIGHT_EXPONENT_MAX = 12,
    RELAY_AGE_MAX = 3,              /* [phases] of what a RELAY repeats */
    QRES_NEIGHBOURS = 6,            /* whose weather a member's is compared with */
    FUEL_MAX = 250 * 65536,         /* [Q16.16 %] litter holds no more water */
    ROLE_TEMP = 1,                  /* index of qres_field.role: QRES_ROLE_* >> 2 */
    ROLE_RH = 2,
    ROLE_WIND = 3,
    ROLE_RAIN = 4,
    ROLES = 5
};

static inline int is_linear(const qres_field *f, uint32_t c)
{
    return (f->site.channel[c].flags & QRES_LINEAR) != 0;
}

static inline int is_primary(const qres_field *f, uint32_t c)
{
    return (f->site.channel[c].flags & QRES_PRIMARY) != 0;
}

static inline int is_present(const qres_state *s, uint32_t member, uint32_t c)
{
    return ((uint32_t)(s->absent[member] >> c) & 1u) == 0;
}

static inline int is_stale(const qres_field *f, const qres_state *s, uint32_t member, uint32_t phase)
{
    /* A snap sets last_report to the phase after its own: not stale, however unsigned one looks. */
    return (int64_t)phase - s->last_report[member] > (int64_t)f->stale_phases;
}

static inline uint32_t all_channels(const qres_field *f)
{
    return (1u << f->site.n_channels) - 1u;
}

static inline int is_fire_site(const qres_field *f)
{
    return f->role[ROLE_TEMP] < QRES_MAX_CHANNELS && f->role[ROLE_RH] < QRES_MAX_CHANNELS;
}

/* Field time at `own_us` of the node's clock, SPEC 3.1; not before 1970. */
static inline uint64_t field_time_us(const qres_node *n, uint64_t own_us)
{
    uint64_t back = (uint64_t)-n->clock_corr_us;
    return n->clock_corr_us >= 0 ? own_us + (uint64_t)n->clock_corr_us
                                 : own_us > back ? own_us - back : 0;
}

/* state.c */
void qresi_state_set_weights(qres_state *s, uint32_t c, const int64_t w[4]);
int32_t qresi_state_weight(const qres_state *s, uint32_t c, uint32_t k);

/* epoch.c: SPEC 5.2 to 5.4 */
void qresi_epoch_end(const qres_field *f, qres_scratch *x, qres_state *s, uint32_t phase);
void qresi_epoch_snap(const qres_field *f, qres_state *s, uint32_t phase);
void qresi_epoch_begin(const qres_field *f, qres_state *s, uint32_t epoch);

/* fire_blob.c, fire_hour.c: SPEC 5.5 */
void qresi_fire_start(const qres_field *f, qres_state *s);
void qresi_fire_snap(const qres_field *f, qres_state *s);
void qresi_fire_epoch(const qres_field *f, qres_scratch *x, qres_state *s, uint32_t phase);

/* How far a member is from its neighbours: temperature and humidity. */
typedef struct {
    int32_t apart[2];   /* [Q16.16 of the channel] */
    int32_t unusual[2]; /* Q16, in usual departures */
} qres_departure;

int qresi_fire_counts(const qres_field *f, const qres_state *s, uint32_t i, uint32_t phase);
int32_t qresi_fire_mean_wind(const qres_field *f, const qres_state *s, uint32_t phase);
int32_t qresi_fire_wind(const qres_field *f, const qres_state *s, uint32_t i, int32_t mean_wind);
int32_t qresi_fire_vpd(const qres_field *f, const qres_state *s, uint32_t i);
/* Drying power of the field, log2. Returns of how many members. */
uint32_t qresi_fire_drying(const qres_field *f, const qres_state *s, uint32_t phase, int32_t mean_wind,
                           int32_t *drying);
int32_t qresi_fire_unusual(const qres_state *s, uint32_t bin, int32_t drying);
int qresi_fire_knows_climate(const qres_state *s);
int32_t qresi_fire_mean_isi(const qres_field *f, const qres_state *s, uint32_t phase, int32_t mean_wind,
                            uint32_t *n);
/* Returns 0 if the member has no departure: it or its neighbours do not count. */
int qresi_fire_departure(const qres_field *f, const qres_state *s, uint32_t phase, uint32_t i,
                         uint32_t bin, qres_departure *out);
int32_t qresi_fire_farther(const qres_departure *d);

/* solve.c: SPEC 5.1. Solves x->a * y = x->r in place for n observers; the result is x->y. */
void qresi_solve_ldl(qres_scratch *x, uint32_t n);

/* report.c: SPEC 6.1 */
int32_t qresi_report_unwrap(uint32_t low, int32_t predicted, uint32_t width, int32_t turns);
int16_t qresi_report_predicted(const qres_field *f, const qres_state *s, uint32_t i, uint32_t c);
int qresi_report_payload_length_known(const qres_field *f, size_t payload_len);
size_t qresi_report_aad(const qres_field *f, const qres_report *r, size_t payload_len,
                        uint8_t aad[15]);
/*
 * Read a decrypted payload. `window` is the number of the combination of SPEC 6.1 (0: the nearest values).
 * Returns QRES_OK, QRES_ERR_TAG if the payload cannot be the member's, or
 * QRES_ERR_LENGTH if there are no further windows. *digest_bit and *reserved (0: fine) are set.
 */
int qresi_report_parse(const qres_field *f, const qres_state *s, uint32_t member,
                       const uint8_t *payload, size_t len, uint32_t window, qres_report *r,
                       uint32_t *digest_bit, qres_echo *echo, uint32_t *reserved);

/* echo.c: SPEC 6.5 */
qres_echo qresi_echo_choose(qres_node *n);
void qresi_echo_heard(qres_node *n, uint32_t phase, uint32_t sender, const qres_echo *echo);
/* The report that low bits mean in state `s`. Returns 0 if there is none. */
int qresi_echo_read(const qres_field *f, const qres_state *s, uint32_t member, uint32_t low,
                    qres_report *r);

uint32_t qresi_echo_low(const qres_field *f, const qres_log_entry *e);
/* A report of which only the low bits are known, into the log. Returns 0 or why it is not. */
int qresi_echo_insert(qres_node *n, uint32_t phase, uint32_t member, uint32_t low, uint32_t echoes);

/* relay.c: SPEC 6.6 */
uint32_t qresi_relay_of(const qres_field *f, uint32_t slot);
uint64_t qresi_relay_start_us(const qres_field *f, uint32_t phase, uint32_t slot);
size_t qresi_relay_seal(qres_node *n, uint32_t slot, uint8_t *frame);
int qresi_relay_heard(qres_node *n, uint32_t phase, uint32_t slot, const uint8_t *frame, size_t len,
                      qres_heard_info *info);
void qresi_relay_hold(qres_node *n, uint32_t era, uint32_t order, uint32_t number, uint32_t blob_len,
                      const uint8_t *data, size_t len);

/* seal.c: keys, nonces, tags */
void qresi_seal_nonce(const qres_field *f, uint32_t phase, uint32_t id, uint32_t kind,
                      uint8_t nonce[13]);
/* K_E of SPEC 6. */
void qresi_seal_era_key(const qres_field *f, const uint8_t *key, uint32_t era, qres_aes128 *out);
qres_cipher qresi_seal_cipher(qres_node *n, uint32_t era);

/* replica.c */
int qresi_replica_accepts(const qres_node *n, uint32_t phase);
void qresi_replica_note_digest(qres_node *n, uint32_t phase, uint32_t digest);
int qresi_replica_own_digest(const qres_node *n, uint32_t phase, uint32_t *digest);
void qresi_replica_compare_bit(qres_node *n, uint32_t phase, uint32_t bit);
void qresi_replica_is_well(qres_node *n);
void qresi_replica_compare_digest(qres_node *n, uint32_t phase, uint32_t digest);
uint32_t qresi_replica_log_position(const qres_node *n, uint32_t phase, uint32_t member);
int qresi_replica_log_find(const qres_node *n, uint32_t phase, uint32_t member);
/* The log has got a report: when its sender was heard last, and whether the state is to be rebuilt. */
void qresi_replica_learnt(qres_node *n, uint32_t phase, uint32_t member);
int qresi_replica_log_insert(qres_node *n, const qres_log_entry *entry);
/* A decoded report into the log; `is_s`: it came in form S. */
int qresi_replica_log_report(qres_node *n, uint32_t phase, const qres_report *r, uint32_t is_s);
void qresi_replica_log_remove(qres_node *n, uint32_t phase, uint32_t member);
void qresi_replica_commit_next(qres_node *n);
/* The log has changed at `phase`: if it is committed, the state is to be rebuilt. */
void qresi_replica_changed(qres_node *n, uint32_t phase);
/* Nothing else is to be done: see to it that the next rebuild is a short one. */
void qresi_replica_idle(qres_node *n);
enum { REBUILD_FROM_BASE = 1, REBUILD_FROM_WAYPOINT = 2 }; /* qres_node.dirty */
/* `how` of qresi_replica_open_report */
enum {
    OPEN_ALL_WINDOWS = 1, /* not only the nearest values */
    OPEN_LIMITED = 2      /* count against trial_limit: frames off the air, not logged ones */
};
int qresi_replica_open_report(qres_node *n, const qres_state *s, uint32_t phase, uint32_t member,
                              const uint8_t *frame, size_t len, uint32_t how, qres_report *r,
                              uint32_t *digest_bit, qres_echo *echo);

/* waypoint.c: live becomes the waypoint; the waypoint becomes live */
void qresi_waypoint_note(qres_node *n);
void qresi_waypoint_return(qres_node *n);

/* checkpoint.c */
uint32_t qresi_checkpoint_scribe(const qres_field *f, const qres_state *snapshot, uint32_t era);
uint32_t qresi_checkpoint_ordinal(const qres_field *f, uint32_t era, uint32_t phase);
void qresi_checkpoint_freeze(qres_node *n);
int qresi_checkpoint_heard(qres_node *n, uint32_t phase, const uint8_t *frame, size_t len,
                           qres_heard_info *info);
/* A fragment of the scribe that stands at `order` of the order of trial. */
int qresi_checkpoint_take(qres_node *n, uint32_t era, uint32_t order, uint32_t number, uint32_t blob_len,
                          const uint8_t *data, size_t len);
uint32_t qresi_checkpoint_candidate(const qres_field *f, uint32_t era, uint32_t order);
size_t qresi_checkpoint_seal(qres_node *n, uint32_t phase, uint8_t *frame);

/* beacon.c */
size_t qresi_beacon_seal(qres_node *n, uint32_t phase, uint8_t *frame);
int qresi_beacon_heard(qres_node *n, uint32_t phase, const uint8_t *frame, qres_heard_info *info);

#endif /* QRES_CORE_H */
