/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any site that SPEC 2 admits and any authentic reports. The commit has no undefined
 * behaviour (UBSan watches for overflow), and predictions stay in the physical range. See fuzz.h.
 */
#include "core.h"
#include "fuzz.h"

enum { PHASES_MAX = 120 };

static qres_field field;
static qres_state state;
static qres_scratch scratch;

/* Mostly the bounds of a number's range, where arithmetic breaks. */
static int32_t extreme(fuzz_input *in, int32_t lo, int32_t hi)
{
    uint32_t how = fuzz_u8(in) % 4;
    return how == 0 ? lo : how == 1 ? hi : fuzz_between(in, lo, hi);
}

static int make_field(fuzz_input *in)
{
    static const uint32_t epochs_s[] = {300, 600, 3600};
    uint32_t n = 1 + fuzz_u8(in) % 128;
    qres_site site = talk_site(n, 1 + fuzz_u8(in) % 6, epochs_s[fuzz_u8(in) % 3], 1);
    int32_t extent_m = extreme(in, 0, 1000000);
    site.range_m = (uint32_t)extreme(in, 1000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        site.member[i].x_m = site.member[i].x_m > 0 ? extent_m : -extent_m;
        site.member[i].y_m = site.member[i].y_m % (extent_m + 1);
        site.member[i].z_m = fuzz_u8(in) % 8 == 0 ? extent_m : 0;
    }
    for (uint32_t c = 0; c < site.n_channels; c++) {
        qres_channel *ch = &site.channel[c];
        ch->tol = extreme(in, 2, 1 << 24);
        ch->step = extreme(in, 1, ch->tol / 2);
        ch->lo = extreme(in, -(1 << 30), (1 << 30) - 1);
        ch->hi = extreme(in, ch->lo + 1, 1 << 30);
        ch->rho = extreme(in, 0, 65536);
        ch->flags = c == 0 ? 3 : fuzz_u8(in) % 4;
        for (uint32_t k = 0; k < 4; k++) {
            ch->w0[k] = k < 2 ? extreme(in, 0, WEIGHT_MAX_LEVEL)
                              : extreme(in, -WEIGHT_MAX_DIURNAL, WEIGHT_MAX_DIURNAL);
        }
    }
    return qres_field_init(&field, &site) == QRES_OK;
}

/* Reports of some members of the next phase. Returns how many. */
static uint32_t make_reports(fuzz_input *in, qres_report *reports)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < field.site.n_members; i++) {
        qres_report *r = &reports[n];
        if (field.site.member[i].phase != (state.phase + 1) % 4 || fuzz_u8(in) % 4 == 0) {
            continue;
        }
        r->member = (uint8_t)i;
        r->included = (uint8_t)(fuzz_u8(in) & all_channels(&field));
        r->absent = (uint8_t)(fuzz_u8(in) % 4 == 0 ? all_channels(&field) & ~r->included : 0);
        for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
            r->k[c] = (int16_t)extreme(in, INT16_MIN, INT16_MAX);
        }
        n++;
    }
    return n;
}

/* Right after an epoch began, every LINEAR value is a prediction. */
static void check_predictions(void)
{
    for (uint32_t c = 0; c < field.site.n_channels; c++) {
        const qres_channel *ch = &field.site.channel[c];
        for (uint32_t i = 0; i < field.site.n_members && is_linear(&field, c); i++) {
            CHECK(!is_present(&state, i, c)
                      || (state.value[c][i] >= ch->lo && state.value[c][i] <= ch->hi),
                  "member %lu, channel %lu: %ld", (unsigned long)i, (unsigned long)c,
                  (long)state.value[c][i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    qres_report reports[QRES_MAX_SLOTS];
    if (!make_field(&in)) {
        return 0;
    }
    qres_state_init(&state, &field, qres_era_start(&field, 20000) - 1 - fuzz_u8(&in) % 16);
    for (uint32_t p = 0; p < PHASES_MAX && in.left > 0; p++) {
        qres_commit(&field, &scratch, &state, reports, make_reports(&in, reports));
        if (state.phase % 4 == 3) {
            check_predictions();
        }
    }
    return 0;
}
