/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the law allows a single-channel LoRa transmitter without listen-before-
 * talk. A region is in the table only if every limit that is enforced could be
 * traced; the others are named, with the reason, and allow nothing.
 */
#include "qres_radio.h"

/*
 * EN 300 220-2 V3.2.1 (2018), annex B, letters K to R; the same limits in
 * ERC/REC 70-03 annex 1. 25 mW is 13.98 dBm, which the standard rounds to 14.
 * The gaps belong to alarms: ERC/REC 70-03 annex 7 (25 kHz channels only).
 * Left out, being stricter or for other equipment: Q (869.7..870 MHz at 5 mW
 * without duty cycle) and the 500 mW network access points in 865.6..867.6 MHz.
 */
static const qres_band EU868[] = {
    {"K", 863000000, 865000000, 0, 0, 10, 1400, QRES_POWER_ERP},
    {"L", 865000000, 868000000, 0, 0, 100, 1400, QRES_POWER_ERP},
    {"M", 868000000, 868600000, 0, 0, 100, 1400, QRES_POWER_ERP},
    {"alarms", 868600000, 868700000, 0, 0, 0, 0, QRES_POWER_ERP},
    {"N", 868700000, 869200000, 0, 0, 10, 1400, QRES_POWER_ERP},
    {"alarms", 869200000, 869400000, 0, 0, 0, 0, QRES_POWER_ERP},
    {"P", 869400000, 869650000, 0, 0, 1000, 2700, QRES_POWER_ERP},
    {"alarms", 869650000, 869700000, 0, 0, 0, 0, QRES_POWER_ERP},
    {"R", 869700000, 870000000, 0, 0, 100, 1400, QRES_POWER_ERP},
};

/*
 * 47 CFR 15.247(a)(2): a transmitter that does not hop needs 500 kHz (6 dB)
 * bandwidth; (b)(3), (b)(4): 1 W conducted, less what the antenna has above
 * 6 dBi; (e): 8 dBm in 3 kHz, which 30 dBm over 500 kHz meets (7.8 dBm). That
 * rule has no dwell limit. The 400 ms are those of (f), for hybrid systems:
 * kept so that a module certified only as a hybrid stays inside its grant.
 */
static const qres_band US915[] = {
    {"DTS", 902000000, 928000000, 500000, 400000, QRES_DUTY_NONE, 3000, QRES_POWER_CONDUCTED},
};

/*
 * Low Interference Potential Devices class licence, digital modulation, 915 to
 * 928 MHz: 1 W EIRP, 25 mW in 3 kHz. Sources differ on whether the 500 kHz
 * minimum bandwidth still stands; the stricter reading is enforced.
 */
static const qres_band AU915[] = {
    {"LIPD", 915000000, 928000000, 500000, 0, QRES_DUTY_NONE, 3000, QRES_POWER_EIRP},
};

typedef struct {
    const char *name;
    const char *unsupported;
    const qres_band *bands;
    int count;
} region_entry;

#define SUPPORTED(table) NULL, table, (int)(sizeof table / sizeof table[0])

static const region_entry REGIONS[QRES_REGION_COUNT] = {
    [QRES_REGION_EU868] = {"EU868", SUPPORTED(EU868)},
    [QRES_REGION_US915] = {"US915", SUPPORTED(US915)},
    [QRES_REGION_AU915] = {"AU915", SUPPORTED(AU915)},
    [QRES_REGION_AS923] = {"AS923",
                           "AS923 is a LoRaWAN plan over many countries, each with its own power "
                           "and duty cycle; Japan demands carrier sense before each frame "
                           "(ARIB STD-T108), which this kit does not do",
                           NULL, 0},
    [QRES_REGION_IN865] = {"IN865",
                           "G.S.R. 853(E) of 10 December 2021 replaced the rule of 2005 (1 W, no "
                           "duty cycle); accounts of its limits for a single LoRa channel differ",
                           NULL, 0},
    [QRES_REGION_KR920] = {"KR920",
                           "the rules ask for listen-before-talk, hopping, or a duty cycle over "
                           "20 seconds; this kit does none of the three",
                           NULL, 0},
};

static const region_entry *entry(int region)
{
    return region >= 0 && region < QRES_REGION_COUNT ? &REGIONS[region] : NULL;
}

const char *qres_region_name(int region)
{
    const region_entry *e = entry(region);
    return e == NULL ? NULL : e->name;
}

const char *qres_region_unsupported(int region)
{
    const region_entry *e = entry(region);
    return e == NULL ? "there is no such region" : e->unsupported;
}

const qres_band *qres_region_band(int region, int index)
{
    const region_entry *e = entry(region);
    return e == NULL || index < 0 || index >= e->count ? NULL : &e->bands[index];
}

int qres_region_band_at(int region, uint32_t freq_hz)
{
    int found = -1;
    const qres_band *band;
    for (int i = 0; (band = qres_region_band(region, i)) != NULL; i++) {
        if (freq_hz >= band->lo_hz && freq_hz <= band->hi_hz) {
            found = i;
        }
    }
    return found;
}

int32_t qres_band_power_max_cdbm(const qres_band *band, int32_t antenna_cdbi)
{
    int32_t limit = band->power_max_cdbm;
    switch (band->power_ref) {
    case QRES_POWER_ERP:
        return limit - (antenna_cdbi - QRES_DIPOLE_CDBI);
    case QRES_POWER_EIRP:
        return limit - antenna_cdbi;
    case QRES_POWER_CONDUCTED:
    default: /* 47 CFR 15.247(b)(4): 1 dB less for each dB above 6 dBi */
        return antenna_cdbi > 600 ? limit - (antenna_cdbi - 600) : limit;
    }
}

int qres_region_find(int region, const qres_carrier *carrier)
{
    if (qres_region_unsupported(region) != NULL) {
        return -QRES_CARRIER_REGION;
    }
    int index = qres_region_band_at(region, carrier->freq_hz);
    if (index < 0) {
        return -QRES_CARRIER_OUTSIDE;
    }
    const qres_band *band = qres_region_band(region, index);
    if (band->duty_1e4 == 0) {
        return -QRES_CARRIER_FORBIDDEN;
    }
    int problems = 0;
    /* In half hertz, so that an odd bandwidth is not rounded. */
    uint64_t centre = (uint64_t)2 * carrier->freq_hz;
    if (centre < (uint64_t)2 * band->lo_hz + carrier->bw_hz
        || centre + carrier->bw_hz > (uint64_t)2 * band->hi_hz) {
        problems |= QRES_CARRIER_EDGE;
    }
    if (carrier->bw_hz < band->bw_min_hz) {
        problems |= QRES_CARRIER_BANDWIDTH;
    }
    if ((int32_t)100 * carrier->tx_power_dbm
        > qres_band_power_max_cdbm(band, carrier->antenna_cdbi)) {
        problems |= QRES_CARRIER_POWER;
    }
    return problems == 0 ? index : -problems;
}
