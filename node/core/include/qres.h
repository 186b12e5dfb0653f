/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qres.h - the one public header of the QRES node core.
 *
 * Freestanding C99: no allocation, no global state, no floating point, no
 * recursion. Every function may be called from several threads as long as
 * they do not share a context.
 *
 * The text between the `cffi` marks is cut out by gen_ffi.py and given to
 * cffi, so that Python has no second copy of a declaration. There may be
 * several such parts. Keep `#ifdef`, computed macros, `static inline` and
 * attributes outside them.
 */
#ifndef QRES_H
#define QRES_H

#include <stddef.h>
#include <stdint.h>

#include "qres_crypto.h"
#include "qres_err.h"
#include "qres_fire.h"
#include "qres_radio.h"
#include "qres_site.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */
/*
 * Version of this library. Major: the C interface changed; minor: it grew;
 * patch: neither. It says nothing about frames: see QRES_WIRE_VERSION.
 */
#define QRES_VERSION_MAJOR 0
#define QRES_VERSION_MINOR 1
#define QRES_VERSION_PATCH 0

/*
 * Version of the frames on air. Two nodes with different wire versions never
 * accept each other's frames.
 */
#define QRES_WIRE_VERSION 1

/* QRES_WIRE_VERSION as this library was compiled, to compare with the header. */
uint32_t qres_wire_version(void);
/* cffi: end */

/* cffi: begin */
/* The replicated state, SPEC 4: equal on every replica, bit for bit. */
typedef struct {
    uint32_t phase;              /* last committed */
    int32_t m[6];                /* Q16.16 shared trend an epoch */
    uint8_t e[6];                /* weights as BFP-16: exponent... */
    int16_t q[6][4];             /* ...and mantissas */
    uint8_t absent[128];
    uint32_t last_report[128];
    int32_t value[6][128], last[6][128], slow[6][128]; /* Q16.16 */
    qres_fire_block fire;        /* of a fire site only, like what follows */
    int32_t fuel[128];           /* Q16.16 [%] moisture of litter */
    int32_t mark[128];           /* Q16.16 [mm] rain at the last hour */
} qres_state;

typedef struct {
    uint8_t member;              /* index */
    uint8_t included, absent;    /* one bit a channel */
    int16_t k[6];                /* value / step of each included channel */
} qres_report;

/* An older report that a REPORT repeats, SPEC 6.5. */
typedef struct {
    uint8_t age;                 /* [phases] 1..15; 0: nothing is repeated */
    uint8_t slot;                /* origin slot of its sender */
    uint32_t low;                /* low bits of its primaries, 5 each */
} qres_echo;

/* Work space of one commit; its content means nothing between calls. */
typedef struct {
    int32_t a[32][32];           /* Q24: L below the diagonal, V above, D on it */
    int64_t r[32], y[32];
    int32_t sorted[128];
    uint8_t observer[32], reports[32];
    qres_report phase_reports[32];
    int32_t judged[6][32];       /* out: value after the commit, by channel and slot of the phase */
} qres_scratch;

/*
 * Check a site and derive what replicas need.
 * Returns 0 or QRES_ERR_INVALID, and then `field` is not usable; qres_site_problem says why.
 */
int qres_field_init(qres_field *field, const qres_site *site);

/* One plain sentence on the first rule of SPEC 2 that `site` breaks, or NULL if there is none. */
const char *qres_site_problem(const qres_site *site);

/* The state before anything was reported, SPEC 4. */
void qres_state_init(qres_state *state, const qres_field *field, uint32_t phase);

/* 32-bit digest of a state, SPEC 4. */
uint32_t qres_state_digest(const qres_field *field, const qres_state *state);

/*
 * Commit phase state->phase + 1, SPEC 5.
 *   reports  in  ascending member index, one a member, members of that phase only
 */
void qres_commit(const qres_field *field, qres_scratch *scratch, qres_state *state,
                 const qres_report *reports, uint32_t n_reports);

/* Era in which a phase lies, and the first phase of an era, SPEC 3. */
uint32_t qres_era_of(const qres_field *field, uint32_t phase);
uint32_t qres_era_start(const qres_field *field, uint32_t era);

/*
 * The checkpoint of a state that has just committed the last phase of an era, SPEC 7.
 * Returns its length [bytes], or QRES_ERR_SPACE.
 */
int qres_blob_encode(const qres_field *field, const qres_state *state, uint8_t *blob, size_t cap);

/* The inverse. Returns 0 or QRES_ERR_BLOB, and then `state` is untouched only in meaning: re-initialise it. */
int qres_blob_decode(const qres_field *field, uint32_t era, const uint8_t *blob, size_t len,
                     qres_scratch *scratch, qres_state *state);

/* Fragment j of a blob (j >= K: parity), SPEC 6.4. Returns the data length D [bytes] or an error. */
int qres_fragment(const uint8_t *blob, size_t len, uint32_t j, uint8_t *data);
/* K and R for a blob of `len` bytes. */
uint32_t qres_fragment_sources(size_t len);
uint32_t qres_fragment_parities(size_t len);

/*
 * What a member has to say of its samples, SPEC 6.2.
 *   samples  in   [Q16.16] per channel, QRES_MISSED for a miss
 *   missed   in   misses in a row per channel, this one included
 *   report   out  written when the return value is positive
 * Returns the payload length [bytes] of the form to send, or 0 to stay silent.
 */
int qres_decide(const qres_field *field, const qres_state *state, uint32_t member,
                const int32_t *samples, const uint8_t *missed, qres_report *report);

/* The same, but always in form X: what a member says first after a start. Returns the payload length [bytes]. */
int qres_announce(const qres_field *field, const qres_state *state, uint32_t member,
                  const int32_t *samples, const uint8_t *missed, qres_report *report);

/*
 * The payload of a report in the form that `len` stands for, before encryption.
 *   echo  in  what it repeats; ignored if the site has no echo
 * Returns 0 or QRES_ERR_INVALID.
 */
int qres_report_encode(const qres_field *field, const qres_report *report, uint32_t digest_bit,
                       const qres_echo *echo, uint8_t *payload, size_t len);

/* What a BEACON says. */
typedef struct {
    uint8_t member;              /* index of the sender */
    uint32_t phase, digest;      /* when it was sent; of the sender's state one phase before */
} qres_beacon;

/*
 * Open a BEACON, SPEC 6.3. It names its phase in clear, so neither replica nor time is needed.
 *   earliest, latest  in   phases that are believed: an older one may be a replay
 *   beacon            out  written when the return value is 0
 * Returns 0, or QRES_ERR_LENGTH, _VERSION, _SITE, _WINDOW or _TAG, looked at in this order.
 */
int qres_beacon_open(const qres_field *field, const uint8_t *key, const uint8_t *frame, size_t len,
                     uint32_t earliest, uint32_t latest, qres_beacon *beacon);

/* ------------------------------------------------------------------ replica */

typedef struct {
    uint32_t phase;
    uint8_t member, included, absent;
    uint8_t raw_len;             /* 0: decoded; QRES_LOG_ECHO; else an undecoded frame's length [bytes] */
    uint8_t is_s;                /* 1: sent or heard in form S, or known from an echo */
    uint8_t echoes;              /* how often it was repeated, as far as known here */
    uint8_t relayed;             /* 1: this replica has put it into a RELAY */
    union { int16_t k[6]; uint8_t raw[12]; } u;
} qres_log_entry;

typedef struct {
    uint8_t self;                /* member index, or QRES_NO_SLOT */
    uint8_t search;              /* 1: wide trial addressing, for a receiver without a field clock */
    uint32_t trial_limit;        /* tag trials a phase, 0 = no limit */
    uint32_t first_phase;        /* first phase to commit */
    uint32_t tx_not_before;      /* phase before which nothing is sent: the persisted counter */
} qres_config;

enum { QRES_UNKNOWN, QRES_REPORTED, QRES_HELD, QRES_STALE, QRES_DIVERGED };
enum { QRES_FRAME_REPORT = 1, QRES_FRAME_BEACON = 2, QRES_FRAME_CHECKPOINT = 3, QRES_FRAME_RELAY = 4 };

typedef struct {
    uint8_t kind;                /* QRES_FRAME_*, 0 if refused */
    uint8_t member;              /* index of the sender */
    uint8_t late;                /* 1: its phase was already committed */
    uint8_t relay_slot;          /* of a RELAY */
    uint32_t phase;
    int32_t offset_us;           /* [us] arrival against the slot, clipped to +-2^31 */
    qres_report report;          /* of a REPORT */
} qres_heard_info;

typedef struct {
    uint32_t restored;           /* reports first known from an echo or a relay */
    uint32_t accepted, late, rebuilds, commits, deferred, adopted, verified, missed_checkpoints;
    uint32_t bits_compared, bits_wrong, beacons_compared, beacons_wrong;
    uint32_t refused[16];        /* by -qres_err */
} qres_counters;

typedef struct {
    uint32_t era, len;           /* what is being collected */
    uint8_t seen[11];            /* fragment numbers heard in the era, one bit each */
    uint8_t have, order, done, index[64];
    uint8_t data[64][44];
} qres_assembly;

/* What a relay and those who hear it keep, SPEC 6.6. */
typedef struct {
    uint32_t seen[16][4];        /* newest phase heard, by relay slot and phase mod 4 */
    uint8_t ordinal;             /* this member's place among the relays, or QRES_NO_SLOT */
    uint8_t done;                /* own relay slots of the open phase that are over: 0..2 */
    uint8_t held;                /* [bytes] of the fragment that waits to be sent, 0 if there is none */
    uint8_t order, number;       /* its scribe in the order of trial, its number */
    uint32_t era, blob_len;
    uint8_t data[44];
} qres_relaying;

/* A state at an epoch's start: its values follow from the rest, SPEC 5.4. */
typedef struct {
    uint32_t phase;              /* 0, or no later than base: there is none */
    int32_t m[6];
    uint8_t e[6], absent[128];
    int16_t q[6][4];
    uint32_t last_report[128];
    int32_t last[6][128], slow[6][128], fuel[128], mark[128];
    qres_fire_block fire;
} qres_waypoint;

typedef struct {
    const qres_field *field;
    qres_config config;
    uint8_t key[16];
    uint32_t key_era[2];
    qres_aes128 key_schedule[2];
    qres_state base, live;
    qres_waypoint waypoint;      /* on the way from base to live: where a rebuild may begin */
    int32_t judged[6][128];      /* Q16.16 value of each member at its own last sample */
    uint8_t dirty;               /* 1: live is to be built from base; 2: from waypoint, if there is one */
    uint8_t synced, diverged, slid, snap_valid, sampled;
    uint32_t snap_era, snap_digest;
    uint32_t beacon_phase[8];    /* of the newest beacons */
    uint32_t n_log;
    qres_log_entry log[1280];
    uint32_t recent_phase[8], recent_digest[8];
    uint32_t suspect_bits, match_run;
    uint32_t diverged_phase;     /* in which `diverged` became 1 */
    uint32_t heard_phase[128];   /* of the newest report known of each member, 0 if none */
    uint32_t trial_phase, trials;
    uint8_t missed[6], tx_len, common_len, common_kind;
    uint8_t tx[51], common[51];
    uint8_t announced;           /* own phases since the start, up to 2 */
    int64_t clock_corr_us;       /* field time = own clock + this */
    int64_t clock_rate_ppb;      /* [1e-9] what the own clock loses */
    int32_t offset_us[32];
    uint32_t n_offsets;
    uint32_t blob_len;
    uint8_t blob[2816];
    qres_assembly assembly;
    qres_relaying relaying;
    qres_scratch scratch;
    qres_counters counters;
} qres_node;

enum { QRES_DO_SLEEP, QRES_DO_SAMPLE, QRES_DO_TRANSMIT, QRES_DO_LISTEN, QRES_DID_COMMIT };

/* What to do next. Times are the node's own clock. */
typedef struct {
    uint8_t kind;                /* QRES_DO_*, QRES_DID_COMMIT */
    uint8_t len, frame_kind;     /* of a transmission */
    uint32_t phase;
    uint64_t from_us, until_us;  /* [us] transmit at from_us; listen from..until; sleep until */
    uint8_t bytes[51];
} qres_action;

/* Start a replica. Returns 0 or QRES_ERR_INVALID (self is no member, first_phase is 0). */
int qres_init(qres_node *node, const qres_field *field, const uint8_t *key, const qres_config *config);

/* The next thing to do at `now_us` of the node's own clock. At most one commit a call. */
void qres_next(qres_node *node, uint64_t now_us, qres_action *action);

/* The answer to QRES_DO_SAMPLE: one Q16.16 value a channel, or QRES_MISSED. */
void qres_sample(qres_node *node, const int32_t *samples);

/*
 * A frame with a good PHY CRC was received; `rx_end_us` is the end of reception on the node's clock.
 * Returns 0, or why the frame was refused (counted in node->counters.refused).
 */
int qres_heard(qres_node *node, uint64_t rx_end_us, const uint8_t *frame, size_t len,
               qres_heard_info *info);

/*
 * The REPORT of the open phase, already given by qres_next, was not sent: the radio failed or the
 * airtime budget refused it. It is taken out of the log and counted as deferred; the node
 * tries again at its next phase.
 */
void qres_not_sent(qres_node *node);

/* Apply late reports now, not at the next qres_next. */
void qres_settle(qres_node *node);

/* QRES_UNKNOWN.. of a member, seen from this replica, and its digest. */
uint32_t qres_status(const qres_node *node, uint32_t member);
uint32_t qres_digest(const qres_node *node);

/* What the state says of a member's fire weather, SPEC 5.5. Q16.16. */
typedef struct {
    int32_t fuel_pct, ffmc;              /* moisture of litter, and as a code */
    int32_t vpd_kpa, isi;                /* 0 if not known */
    int32_t anomaly, weather, local;     /* 0..100: the score and its two parts */
    uint8_t cause;                       /* QRES_CAUSE_* */
    uint8_t known;                       /* 0: no temperature or humidity; fuel is the last known */
} qres_fire_member;

/* ... and of the field's: means over members that are not stale. */
typedef struct {
    int32_t vpd_kpa, ffmc, isi, isi_max, climate, anomaly;
    uint8_t regime, days, nodes;         /* nodes: how many the means are of */
} qres_fire_field;

/*
 * Judge a state: `member` has room for the site's members.
 * Returns 0, or QRES_ERR_INVALID if the site has no temperature and humidity.
 */
int qres_judge(const qres_field *field, const qres_state *state, qres_fire_member *member,
               qres_fire_field *whole);

/* sizeof the big structures, for those who cannot use sizeof. [bytes] */
size_t qres_sizeof_field(void);
size_t qres_sizeof_node(void);

/* For tests of single rules of SPEC 1 and 5.1. */
int64_t qres_rsh(int64_t x, uint32_t n);
int64_t qres_rdiv(int64_t a, int64_t b);
uint32_t qres_isqrt(uint64_t x);
uint32_t qres_kernel(uint32_t distance_m, uint32_t range_m);
/* cffi: end */

#ifdef __cplusplus
}
#endif

#endif /* QRES_H */
