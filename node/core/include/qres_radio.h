/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qres_radio.h - LoRa time on air, what a region allows, and the airtime
 * governor that keeps a node inside it.
 *
 * Freestanding C99, integers only, no allocation, no global state.
 */
#ifndef QRES_RADIO_H
#define QRES_RADIO_H

#include <stddef.h>
#include <stdint.h>

#include "qres_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */
/* ---- time on air ------------------------------------------------------- */

#define QRES_SF_MIN 5
#define QRES_SF_MAX 12
#define QRES_CR_MAX 4
#define QRES_PHY_PAYLOAD_MAX 255

/* A LoRa modulation and frame format. Zero-initialise it, then set fields. */
typedef struct {
    uint32_t bw_hz;            /* [Hz] one of qres_lora_bw_hz */
    uint16_t preamble_symbols; /* 1..65535; the radio adds 4.25 (6.25 at SF5, SF6) */
    uint8_t sf;                /* spreading factor, 5..12 */
    uint8_t cr;                /* 1..4 for coding rate 4/5..4/8 */
    uint8_t crc;               /* 1: payload CRC on */
    uint8_t implicit_header;   /* 1: no PHY header on air */
} qres_lora;

/*
 * The bandwidths of the SX126x (data sheet table 13-47), narrowest first [Hz],
 * rounded as the vendor names them (7810 for 7812.5). 0 from `index` 10 on.
 */
uint32_t qres_lora_bw_hz(unsigned index);

/*
 * 1 if the radio must run with low data rate optimisation, else 0: the symbol
 * lasts 16.38 ms or longer (SX126x data sheet 6.1.1.4). At 125 kHz SF11 and
 * SF12, at 250 kHz SF12. qres_airtime_us counts with it; a driver sets it.
 */
int qres_lora_ldro(uint32_t bw_hz, unsigned sf);

/*
 * Time on air of one frame [us], rounded up.
 *
 *   p              in
 *   payload_bytes  in  [bytes] PHY payload, 0..255
 *
 * Returns 0, and nothing lasts 0, if `p` is NULL or a value is outside its
 * range, or the frame lasts longer than 32 bits can say (71 minutes).
 *
 * Formula: SX126x data sheet 6.1.4; for SF7..12 the same as Semtech AN1200.13.
 */
uint32_t qres_airtime_us(const qres_lora *p, uint32_t payload_bytes);

/* ---- regions ----------------------------------------------------------- */

/* Never renumber: site files and stored state refer to these. */
typedef enum {
    QRES_REGION_EU868 = 0,
    QRES_REGION_US915 = 1,
    QRES_REGION_AU915 = 2,
    QRES_REGION_AS923 = 3,
    QRES_REGION_IN865 = 4,
    QRES_REGION_KR920 = 5
} qres_region;
#define QRES_REGION_COUNT 6

/* What a power limit is measured against. */
typedef enum {
    QRES_POWER_CONDUCTED = 0, /* at the antenna connector, antenna up to 6 dBi */
    QRES_POWER_ERP = 1,       /* radiated, against a half-wave dipole */
    QRES_POWER_EIRP = 2       /* radiated, against an isotropic antenna */
} qres_power_ref;

/* [0.01 dBi] gain of a half-wave dipole, as the boards come with */
#define QRES_DIPOLE_CDBI 215

/* [1e-4] a `duty_1e4` of this means: no duty cycle rule */
#define QRES_DUTY_NONE 10000

/*
 * One sub-band: what the law says for a single-channel LoRa transmitter without
 * listen-before-talk. A sub-band with `duty_1e4` 0 is forbidden.
 */
typedef struct {
    const char *name;
    uint32_t lo_hz;           /* [Hz] the signal lies in lo_hz..hi_hz, edges included */
    uint32_t hi_hz;           /* [Hz] */
    uint32_t bw_min_hz;       /* [Hz] 0: no rule */
    uint32_t dwell_us;        /* [us] longest single frame; 0: no rule */
    uint16_t duty_1e4;        /* [1e-4] of any hour, per transmitter; QRES_DUTY_NONE */
    int16_t power_max_cdbm;   /* [0.01 dBm] against `power_ref` */
    qres_power_ref power_ref;
} qres_band;

/* A single channel as a site uses it. */
typedef struct {
    uint32_t freq_hz;      /* [Hz] centre */
    uint32_t bw_hz;        /* [Hz] LoRa bandwidth; the signal is freq_hz +- bw_hz / 2 */
    int16_t tx_power_dbm;  /* [dBm] at the antenna connector */
    int16_t antenna_cdbi;  /* [0.01 dBi] QRES_DIPOLE_CDBI if nothing better is known */
} qres_carrier;

/* Why a channel is refused; bits, to be combined. */
typedef enum {
    QRES_CARRIER_REGION = 1,    /* no such region, or its rules are not in the table */
    QRES_CARRIER_OUTSIDE = 2,   /* the centre is in no sub-band of the region */
    QRES_CARRIER_FORBIDDEN = 4, /* the centre is in a forbidden gap (alarm bands) */
    QRES_CARRIER_EDGE = 8,      /* the signal reaches over the edge of its sub-band */
    QRES_CARRIER_BANDWIDTH = 16, /* the bandwidth is below the sub-band's minimum */
    QRES_CARRIER_POWER = 32     /* too much power for the sub-band */
} qres_carrier_problem;

/* Name of a region, "EU868"; NULL outside 0..QRES_REGION_COUNT-1. */
const char *qres_region_name(int region);

/*
 * NULL if the region may be used. Otherwise why not, in words: its rules could
 * not be established well enough to be enforced, so no channel is allowed.
 */
const char *qres_region_unsupported(int region);

/* Sub-band `index` of a region in order of frequency, NULL past the end. */
const qres_band *qres_region_band(int region, int index);

/*
 * Index of the sub-band, forbidden ones included, that holds `freq_hz`; -1 if
 * none does. On a shared edge the upper one.
 */
int qres_region_band_at(int region, uint32_t freq_hz);

/* Highest power at the antenna connector [0.01 dBm] with that antenna [0.01 dBi]. */
int32_t qres_band_power_max_cdbm(const qres_band *band, int32_t antenna_cdbi);

/*
 * Is this channel legal, and in which sub-band?
 *
 * Returns the sub-band's index, 0 or more, or minus a sum of
 * qres_carrier_problem bits. Dwell and duty cycle are the governor's matter.
 */
int qres_region_find(int region, const qres_carrier *carrier);

/* ---- airtime governor -------------------------------------------------- */

#define QRES_GOVERNOR_BINS 20
/* [us] width of a bin: 240 s */
#define QRES_GOVERNOR_BIN_US 240000000
/* [us] longest advance between two calls that is believed: 930 s */
#define QRES_GOVERNOR_GAP_US 930000000
/* [us] longest single frame: 20 s */
#define QRES_GOVERNOR_FRAME_US 20000000
/* [us] a granted frame starts within 10 s of its charge */
#define QRES_GOVERNOR_DELAY_US 10000000
/* [bytes] of saved state */
#define QRES_GOVERNOR_BYTES 116
/* [us] `available` where the law has no duty cycle */
#define QRES_AIRTIME_UNLIMITED 0xffffffff

/*
 * Airtime already used in one sub-band, and what is left. One per sub-band that
 * a node uses: the law counts each alone. 120 bytes; keep it where deep sleep
 * leaves it. Read the fields if you like, write none.
 *
 * What it promises: in any 3600 s of real time, granted frames are on air for
 * at most duty x 3600 s, through resets and clock jumps, provided that
 *   - it is saved (qres_governor_save) after each charge and before the frame,
 *   - the frame starts within QRES_GOVERNOR_DELAY_US of the charge,
 *   - the clock runs ahead of real time by at most QRES_GOVERNOR_GAP_US in any
 *     3630 s, all *believed* advances together. An advance beyond
 *     QRES_GOVERNOR_GAP_US between two calls, and any step back, is not
 *     believed: no time is credited for it, however often it happens.
 *
 * How: airtime is kept in 20 bins of 240 s. What falls into a bin is held until
 * 19 whole bins have passed, 4560 s = 3600 s + GAP + FRAME + DELAY, and the sum
 * of the bins never exceeds duty x 3600 s. A plain token bucket of that size
 * with continuous refill would not do: full at the start of an hour, it pays
 * out its size and then an hour's refill, twice the limit. Halving the bucket
 * would be legal and halve the burst; a fire front needs the burst. The price
 * here is the sustained rate, 3600/4800 to 3600/4560 of the limit (75..79 %).
 */
typedef struct {
    uint64_t last_us;     /* [us] clock at the last call that moved time */
    uint64_t charged_us;  /* [us] all airtime ever charged; grows with each charge */
    uint32_t lo_hz;       /* [Hz] lower edge of the sub-band, its identity */
    uint32_t limit_us;    /* [us] per hour, or QRES_AIRTIME_UNLIMITED */
    uint32_t frame_max_us; /* [us] longest frame: dwell, limit, QRES_GOVERNOR_FRAME_US */
    uint32_t phase_us;    /* [us] of the current bin that have passed */
    uint32_t disbelieved; /* clock moves that were not believed; a health figure */
    uint32_t bin_us[QRES_GOVERNOR_BINS]; /* [us] airtime, a ring */
    uint32_t head;        /* the current bin */
} qres_governor;

/*
 * Start afresh.
 *
 *   band      in   copied from; need not outlive the call
 *   now_us    in   [us] any clock
 *   spent_us  in   [us] airtime that may have been used in the hour before: 0
 *                  for a node that never sent; QRES_AIRTIME_UNLIMITED if the
 *                  saved state is lost, and then nothing is granted for 4800 s
 *
 * Returns QRES_OK, or QRES_ERR_INVALID: `band` is NULL or forbidden; `g` is
 * untouched.
 */
int qres_governor_init(qres_governor *g, const qres_band *band, uint64_t now_us,
                       uint32_t spent_us);

/*
 * Tell the time. Call it at every wake-up, at least every QRES_GOVERNOR_GAP_US:
 * a longer silence is not believed and earns nothing.
 */
void qres_governor_tick(qres_governor *g, uint64_t now_us);

/*
 * The caller has set its clock by `step_us`, and says so: no time passed.
 */
void qres_governor_clock_step(qres_governor *g, int64_t step_us);

/*
 * Ask for `airtime_us`, and book it if it is granted. Nothing is given back if
 * the frame is not sent after all.
 *
 * Returns QRES_OK; QRES_ERR_AIRTIME: not now, see qres_governor_next_ok_us;
 * QRES_ERR_INVALID: never, for it is 0 or above `frame_max_us`. On an error
 * nothing is booked, but the time is taken note of as by qres_governor_tick.
 */
int qres_governor_charge(qres_governor *g, uint64_t now_us, uint32_t airtime_us);

/*
 * Airtime [us] left at `now_us`; QRES_AIRTIME_UNLIMITED without a duty cycle.
 * A frame is granted if it is neither longer than this nor than `frame_max_us`.
 */
uint32_t qres_governor_available_us(const qres_governor *g, uint64_t now_us);

/*
 * Earliest time [us] from `now_us` on at which `airtime_us` will be granted if
 * nothing else is sent and qres_governor_tick is called meanwhile; UINT64_MAX
 * if never.
 */
uint64_t qres_governor_next_ok_us(const qres_governor *g, uint64_t now_us, uint32_t airtime_us);

/*
 * Write the state: QRES_GOVERNOR_BYTES, little-endian, versioned, with CRC-32.
 * Of two valid copies the one with the larger `charged_us` is newer.
 *
 * Returns QRES_GOVERNOR_BYTES, or QRES_ERR_SPACE (`out` untouched).
 */
int qres_governor_save(const qres_governor *g, uint8_t *out, size_t out_cap);

/*
 * Read the state back. Limits come from `band`, not from the bytes.
 *
 * Returns QRES_OK, or with `g` untouched
 *   QRES_ERR_INVALID  `band` is NULL or forbidden
 *   QRES_ERR_FORMAT   another length or version, damaged, or of another
 *                     sub-band. If the node may have sent in this sub-band:
 *                     qres_governor_init with QRES_AIRTIME_UNLIMITED.
 */
int qres_governor_load(qres_governor *g, const qres_band *band, const uint8_t *in, size_t len);
/* cffi: end */

#ifdef __cplusplus
}
#endif

#endif /* QRES_RADIO_H */
