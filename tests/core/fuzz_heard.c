/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any sequence of frames, forged or sealed with the field's key by an insider gone
 * mad, with time moving on and back between them. Sealing is what lets the fuzzer get past the
 * tag, into parsing, log, fold and checkpoints. See fuzz.h.
 */
#include "core.h"
#include "fuzz.h"

enum { MEMBERS = 9, WARM_UP = 24, OPERATIONS_MAX = 200, FIELDS = 3 };

static talking field[FIELDS]; /* plain, with echo, with relays */
static const qres_field *tables;
static qres_node warm[FIELDS], node;
static uint64_t now_us;

/* A replica with a slot after some hours among others, some of whom it knows and some not. */
static void warm_up(void)
{
    static const uint8_t key[16] = {9};
    qres_site site = talk_site(MEMBERS, 5, 3600, 11);
    for (uint32_t which = 0; which < FIELDS; which++) {
        talking *t = &field[which];
        site.echo = which == 1;
        site.n_relays = which == 2 ? 2 : 0;
        site.relay[0] = 7; /* the fuzzed node itself */
        site.relay[1] = 3;
        talk_start(t, &site, key, 20000u * 96u - 12u, 11);
        t->is_off[8] = 1;
        for (uint32_t i = 0; i < WARM_UP; i++) {
            talk_open(t);
            talk_close(t);
        }
        warm[which] = t->node[7];
    }
}

/* When a frame that starts in slot `slot` of the open phase ends, by the node's clock. */
static uint64_t slot_end_us(uint32_t slot, size_t len)
{
    const qres_field *f = tables;
    return (node.live.phase + 1) * f->phase_us + f->lead_us + f->guard_us / 2 + slot * f->slot_us
           + f->airtime_us[len <= QRES_MAX_FRAME ? len : QRES_MAX_FRAME]
           - (uint64_t)node.clock_corr_us;
}

static void hear(const uint8_t *frame, size_t len, uint64_t end_us)
{
    qres_heard_info info;
    int rc = qres_heard(&node, end_us, frame, len, &info);
    CHECK(rc <= 0 && rc > -QRES_ERR_COUNT, "code %d", rc);
    CHECK(rc != QRES_OK || info.member < MEMBERS, "member %d", info.member);
}

static void seal(uint32_t phase, uint32_t member, uint32_t kind, const uint8_t *aad, size_t aad_len,
                 uint8_t *data, size_t len)
{
    qres_cipher cipher = qresi_seal_cipher(&node, qres_era_of(tables, phase));
    uint8_t nonce[13];
    qresi_seal_nonce(tables, phase, tables->site.member[member].id, kind, nonce);
    (void)qres_ccm_seal(&cipher, nonce, sizeof nonce, aad, aad_len, data, len, data + len,
                        TAG_BYTES);
}

/* A report whose bits the input chose, sealed as if it meant what this node makes of them. */
static void sealed_report(fuzz_input *in)
{
    uint32_t member = fuzz_u8(in) % MEMBERS;
    uint32_t phase = node.live.phase + 1 - fuzz_u8(in) % 8;
    uint32_t window = fuzz_u8(in) % 4;
    uint8_t frame[QRES_MAX_FRAME];
    uint8_t aad[15];
    size_t len = 1 + fuzz_u8(in) % 14;
    size_t aad_len = 0;
    qres_report r;
    qres_echo echo;
    uint32_t bit;
    uint32_t reserved;
    memset(frame, 0, sizeof frame);
    (void)fuzz_bytes(in, frame, len);
    if (qresi_report_payload_length_known(tables, len)
        && qresi_report_parse(tables, &node.live, member, frame, len, window, &r, &bit,
                              &echo, &reserved) == QRES_OK) {
        aad_len = qresi_report_aad(tables, &r, len, aad);
    }
    seal(phase, member, QRES_FRAME_REPORT, aad, aad_len, frame, len);
    len += TAG_BYTES;
    hear(frame, len,
         slot_end_us(tables->site.member[member].slot, len)
             - (uint64_t)(node.live.phase + 1 - phase) * tables->phase_us);
}

static void sealed_beacon(fuzz_input *in)
{
    uint32_t member = fuzz_u8(in) % MEMBERS;
    uint32_t phase = node.live.phase + 1;
    uint8_t frame[BEACON_BYTES];
    frame[0] = 0xB0 + QRES_WIRE_VERSION;
    frame[1] = tables->site.member[member].id;
    fx_put32(frame + 2, phase);
    fx_put16(frame + 6, tables->site_hash & 0xFFFFu);
    fx_put32(frame + 8, fuzz_u8(in) % 2 ? fuzz_u32(in) : qres_digest(&node));
    seal(phase, member, QRES_FRAME_BEACON, frame, 8, frame + 8, 4);
    hear(frame, sizeof frame, slot_end_us(tables->slots, sizeof frame));
}

static void sealed_fragment(fuzz_input *in)
{
    uint32_t member = fuzz_u8(in) % MEMBERS;
    uint8_t frame[QRES_MAX_FRAME];
    size_t body = 12 + fuzz_u8(in) % 35;
    memset(frame, 0, sizeof frame);
    (void)fuzz_bytes(in, frame, 1 + body);
    seal(node.live.phase + 1, member, QRES_FRAME_CHECKPOINT, frame, 1, frame + 1, body);
    hear(frame, 1 + body + TAG_BYTES, slot_end_us(tables->slots, 1 + body + TAG_BYTES));
}

/* Fragments enough for the blob that the input holds, or for a genuine one, slightly bent. */
static void whole_checkpoint(fuzz_input *in)
{
    uint32_t member = fuzz_u8(in) % MEMBERS;
    uint32_t first = fuzz_u8(in) % 4;
    uint8_t blob[QRES_BLOB_MAX];
    size_t len;
    if (fuzz_u8(in) % 2) {
        len = fuzz_bytes(in, blob, fuzz_u16(in) % sizeof blob);
    } else {
        len = (size_t)qres_blob_encode(tables, &node.base, blob, sizeof blob);
        for (uint32_t i = fuzz_u8(in) % 4; i > 0; i--) {
            blob[fuzz_u16(in) % len] = (uint8_t)fuzz_u8(in);
        }
    }
    for (uint32_t j = 0; len > 0 && j < qres_fragment_sources(len); j++) {
        uint8_t frame[QRES_MAX_FRAME];
        size_t d;
        uint32_t number = (j + first) % (qres_fragment_sources(len) + qres_fragment_parities(len));
        frame[0] = (uint8_t)number;
        fx_put16(frame + 1, (uint32_t)len);
        d = (size_t)qres_fragment(blob, len, number, frame + CHECKPOINT_HEAD);
        seal(node.live.phase + 1, member, QRES_FRAME_CHECKPOINT, frame, 1, frame + 1, d + 2);
        hear(frame, CHECKPOINT_HEAD + d + TAG_BYTES,
             slot_end_us(tables->slots, CHECKPOINT_HEAD + d + TAG_BYTES));
    }
}

/* A RELAY whose bits the input chose, from the other relay. */
static void sealed_relay(fuzz_input *in)
{
    uint32_t slot = 1 + fuzz_u8(in) % 2;
    uint32_t phase = node.live.phase + 1 - fuzz_u8(in) % 4;
    uint8_t frame[QRES_MAX_FRAME];
    size_t len = 1 + fuzz_u8(in) % (QRES_MAX_FRAME - TAG_BYTES);
    if (tables->site.n_relays == 0) {
        return;
    }
    memset(frame, 0, sizeof frame);
    (void)fuzz_bytes(in, frame, len);
    seal(phase, qresi_relay_of(tables, slot), slot == 1 ? 4 : 5, frame, 0, frame, len);
    len += TAG_BYTES;
    hear(frame, len,
         qresi_relay_start_us(tables, phase, slot) + tables->guard_us / 2 + tables->airtime_us[len]
             - (uint64_t)node.clock_corr_us);
}

/* The node's own turn as a relay. */
static void relay_turn(fuzz_input *in)
{
    qres_action a;
    uint32_t slot = fuzz_u8(in) % 2 == 0 ? 0 : 3;
    if (tables->site.n_relays == 0) {
        return;
    }
    qres_next(&node, qresi_relay_start_us(tables, node.live.phase + 1, slot)
                         - (uint64_t)node.clock_corr_us, &a);
    CHECK(a.kind != QRES_DO_TRANSMIT || a.len <= QRES_MAX_FRAME, "%d bytes", a.len);
}

static void raw_frame(fuzz_input *in)
{
    uint8_t frame[256];
    uint32_t slot = fuzz_u8(in) % 8;
    size_t len = fuzz_bytes(in, frame, fuzz_u8(in));
    hear(frame, len,
         slot < 7 ? slot_end_us(slot, len) : ((uint64_t)fuzz_u32(in) << 32 | fuzz_u32(in)));
}

static void pass_time(fuzz_input *in)
{
    qres_action a;
    uint32_t phases = fuzz_u8(in) % 8;
    uint64_t end_us = (node.live.phase + 1 + phases) * tables->phase_us - 1;
    now_us = fuzz_u8(in) % 8 == 0 ? fuzz_u32(in) : end_us - (uint64_t)node.clock_corr_us;
    for (uint32_t i = 0; i < 16; i++) {
        qres_next(&node, now_us, &a);
        if (a.kind == QRES_DO_SAMPLE) {
            int32_t x[QRES_MAX_CHANNELS];
            for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
                x[c] = fuzz_u8(in) % 4 == 0 ? QRES_MISSED : (int32_t)fuzz_u32(in);
            }
            qres_sample(&node, x);
        } else if (a.kind == QRES_DO_TRANSMIT && fuzz_u8(in) % 4 == 0) {
            qres_not_sent(&node);
        } else if (a.kind == QRES_DO_LISTEN || a.kind == QRES_DO_SLEEP) {
            return;
        }
    }
}

/* A phase in which nothing is heard, from the sample on. */
static void own_phase(fuzz_input *in)
{
    qres_action a;
    uint64_t start_us = (node.live.phase + 1) * tables->phase_us - (uint64_t)node.clock_corr_us;
    do {
        int32_t x[QRES_MAX_CHANNELS];
        qres_next(&node, start_us, &a);
        for (uint32_t c = 0; c < QRES_MAX_CHANNELS && a.kind == QRES_DO_SAMPLE; c++) {
            uint32_t how = fuzz_u8(in);
            x[c] = how % 8 == 0 ? QRES_MISSED
                   : how % 8 == 1
                       ? (int32_t)fuzz_u32(in)
                       : node.live.value[c][7] + ((int32_t)how - 128) * 4096;
        }
        if (a.kind == QRES_DO_SAMPLE) {
            qres_sample(&node, x);
        }
    } while (a.kind == QRES_DO_SAMPLE || a.kind == QRES_DO_TRANSMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    uint32_t setting = fuzz_u8(&in);
    if (warm[0].field == NULL) {
        warm_up();
    }
    node = warm[setting % FIELDS];
    tables = node.field;
    node.config.search = (uint8_t)(setting / FIELDS & 1u);
    for (uint32_t i = 0; in.left > 0 && i < OPERATIONS_MAX; i++) {
        switch (fuzz_u8(&in) % 10) {
        case 0:
            raw_frame(&in);
            break;
        case 1:
            sealed_beacon(&in);
            break;
        case 2:
            sealed_fragment(&in);
            break;
        case 3:
            whole_checkpoint(&in);
            break;
        case 4:
            pass_time(&in);
            break;
        case 5:
            own_phase(&in);
            break;
        case 6:
            sealed_relay(&in);
            break;
        case 7:
            relay_turn(&in);
            break;
        default:
            sealed_report(&in);
            break;
        }
    }
    fuzz_check_replica(&node);
    return 0;
}
