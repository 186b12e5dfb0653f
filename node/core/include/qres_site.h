/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qres_site.h - what all members of a field share, and what follows from it. Included by qres.h,
 * which has the conventions.
 */
#ifndef QRES_SITE_H
#define QRES_SITE_H

#include <stdint.h>

#include "qres_radio.h"

/* cffi: begin */
/* Limits of a field: what the static memory of a node is sized for. */
#define QRES_MAX_NODES 128
#define QRES_MAX_CHANNELS 6
#define QRES_MAX_SLOTS 32       /* members of one phase */
#define QRES_MAX_RELAYS 8       /* each has two relay slots in every phase */
#define QRES_MAX_FRAME 51       /* [bytes] fits the slowest legal data rate */
#define QRES_MAX_KERNEL 8128    /* pairs of QRES_MAX_NODES members */
#define QRES_LOG_MAX 1280       /* reports after the base state */
#define QRES_LOG_ECHO 255       /* qres_log_entry.raw_len of a report known from an echo only */
#define QRES_BLOB_MAX 2816      /* [bytes] a checkpoint's content */
#define QRES_FRAGMENT_DATA 44   /* [bytes] of it in one frame */
#define QRES_DIGEST_HISTORY 8
#define QRES_NO_SLOT 255        /* qres_config.self of a replica that only listens */
#define QRES_MISSED (-2147483647 - 1) /* a sample that the sensor did not deliver */

enum { QRES_LINEAR = 1, QRES_PRIMARY = 2 }; /* qres_channel.flags */

/* One measured quantity, SPEC 2.1. Values are Q16.16 in the channel's unit. */
typedef struct {
    int32_t tol;    /* > 0 */
    int32_t step;   /* 1..tol/2 */
    int32_t lo, hi; /* physical range, lo < hi */
    int32_t rho;    /* Q16, 0..65536 */
    uint32_t flags; /* QRES_LINEAR | QRES_PRIMARY | QRES_ROLE_* */
    int32_t w0[4];  /* Q24 */
} qres_channel;

typedef struct {
    uint8_t id;              /* 0..127, unique; members are sorted by it */
    uint8_t phase;           /* 0..3 */
    uint8_t slot;            /* 0..31, without gaps in each phase */
    int32_t x_m, y_m, z_m;   /* [m] each within +-1000000 */
} qres_member;

/* What all members of a field share, SPEC 2. */
typedef struct {
    uint32_t field_id;
    uint32_t epoch_s;        /* [s] 300..3600, divides 86400, divisible by 4 */
    uint32_t range_m;        /* [m] 1000..1000000 */
    uint32_t echo;           /* 1: every REPORT repeats an older one, SPEC 6.5; else 0 */
    uint32_t follow;         /* 1: the tolerance follows the danger, SPEC 6.2; else 0 */
    qres_lora lora;
    uint8_t n_channels;      /* 1..QRES_MAX_CHANNELS */
    uint8_t n_members;       /* 1..QRES_MAX_NODES */
    uint8_t n_relays;        /* 0..QRES_MAX_RELAYS */
    uint8_t relay[8];        /* indices of members, all different, in order of their slots: SPEC 6.6 */
    qres_channel channel[6];
    qres_member member[128];
} qres_site;

/* A site made ready: read-only afterwards, shared by every replica of a host. */
typedef struct {
    qres_site site;
    uint64_t phase_us, lead_us, slot_us, common_us, commit_us; /* [us] SPEC 3 */
    uint64_t guard_us;
    uint32_t heartbeat_phases, stale_phases; /* HB and SL, SPEC 4 */
    uint32_t phases_per_day, epochs_per_day, beacon_phases; /* ppd, epd, H */
    uint32_t site_hash;
    uint32_t airtime_us[52];     /* by frame length [bytes] */
    uint8_t slots;               /* M, origin slots of a phase */
    uint8_t n_primary, rider0;   /* rider0: channel, or QRES_MAX_CHANNELS if there is none */
    uint8_t form_s, form_r, form_m, form_x_min; /* [bytes] of payload, SPEC 6.1, echo included */
    uint8_t echo_bytes;          /* bE of SPEC 6.5, 0 without echo */
    uint8_t report_max;          /* [bytes] longest REPORT, tag included; longer is a CHECKPOINT */
    uint8_t slot_member[4][32];  /* member index by phase and slot */
    uint8_t role[5];             /* channel by role (flags >> 2), QRES_MAX_CHANNELS if there is none */
    uint8_t near[128][6];        /* index of the nearest other members, QRES_NO_SLOT at the end */
    uint16_t kernel[8128];       /* g, Q16, pair (i > j) at i*(i-1)/2 + j */
} qres_field;
/* cffi: end */

#endif /* QRES_SITE_H */
