/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a checkpoint's content is any bytes. The field can go on from whatever the decoder
 * takes, and a snapshot of it survives encoding and decoding. See fuzz.h.
 */
#include "core.h"
#include "fuzz.h"

enum { SITES = 4, ERA = 20000 };

static qres_field field[SITES];
static qres_state state, again;
static qres_scratch scratch;
static uint8_t blob[QRES_BLOB_MAX];

static void make_fields(void)
{
    static const uint32_t members[SITES] = {1, 5, 28, 128};
    static const uint32_t channels[SITES] = {1, 4, 4, 6};
    for (uint32_t i = 0; i < SITES; i++) {
        qres_site site = talk_site(members[i], channels[i], 3600, i);
        site.channel[0].tol = 8 << 20; /* steps so wide that k * step does not always fit */
        site.channel[0].step = 1 << 20;
        CHECK(qres_field_init(&field[i], &site) == QRES_OK, "%s", qres_site_problem(&site));
    }
}

/* A genuine checkpoint with some bytes changed: close to what is valid. */
static size_t bent_blob(const qres_field *f, fuzz_input *in)
{
    int len;
    qres_state_init(&state, f, qres_era_start(f, ERA) - 1);
    for (uint32_t i = 0; i < f->site.n_members; i++) {
        state.absent[i] = fuzz_u8(in) % 4 == 0 ? (uint8_t)(fuzz_u8(in) & all_channels(f)) : 0;
        state.last_report[i] = fuzz_u8(in) % 4 == 0 ? 0 : state.phase + 1;
        for (uint32_t c = 0; c < f->site.n_channels; c++) {
            int32_t k = fuzz_between(in, -3000, 3000);
            state.last[c][i] = fx_saturate((int64_t)k * f->site.channel[c].step);
            state.slow[c][i] = fx_saturate((int64_t)(k / 4) * 4 * f->site.channel[c].step);
        }
    }
    len = qres_blob_encode(f, &state, blob, sizeof blob);
    if (len < 0) {
        return 0;
    }
    for (uint32_t i = fuzz_u8(in) % 4; i > 0; i--) {
        blob[fuzz_u16(in) % (uint32_t)len] = (uint8_t)fuzz_u8(in);
    }
    return (size_t)len;
}

/*
 * No field gets beyond this: slow follows last, which k * step bounds. A faulty scribe may; then
 * slow - last does not fit the 16 bits that SPEC 7 has for it.
 */
static int slow_is_near(const qres_field *f)
{
    for (uint32_t c = 0; c < f->site.n_channels; c++) {
        int64_t bound = (int64_t)32768 * f->site.channel[c].step;
        for (uint32_t i = 0; i < f->site.n_members; i++) {
            if (state.slow[c][i] > bound || state.slow[c][i] < -bound) {
                return 0;
            }
        }
    }
    return 1;
}

static void check_round_trip(const qres_field *f)
{
    uint32_t digest;
    int len;
    qresi_epoch_snap(f, &state, state.phase); /* products that saturate settle at whole steps */
    qresi_epoch_begin(f, &state, (state.phase + 1) / 4);
    digest = qres_state_digest(f, &state);
    len = qres_blob_encode(f, &state, blob, sizeof blob);
    CHECK(len > 0, "what was decoded cannot be encoded: %d", len);
    CHECK(qres_blob_decode(f, ERA, blob, (size_t)len, &scratch, &again) == QRES_OK,
          "what was encoded cannot be decoded");
    CHECK(qres_state_digest(f, &again) == digest, "the round trip changed the state");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    const qres_field *f = &field[fuzz_u8(&in) % SITES];
    size_t len;
    if (field[0].slot_us == 0) {
        make_fields();
    }
    len = fuzz_u8(&in) % 2 ? bent_blob(f, &in) : fuzz_bytes(&in, blob, sizeof blob);
    if (qres_blob_decode(f, ERA, blob, len, &scratch, &state) != QRES_OK) {
        return 0;
    }
    if (slow_is_near(f)) {
        check_round_trip(f);
    }
    for (uint32_t i = 0; i < 8; i++) {
        qres_commit(f, &scratch, &state, NULL, 0);
    }
    return 0;
}
