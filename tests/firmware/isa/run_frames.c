/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, nonces, BEACON and one CHECKPOINT: SPEC 6, 6.3, 6.4.
 */
#include "rig.h"

enum { BEACON_HEAD = 8 };

/* The key schedule that a node keeps for an era is that of the era's key. */
int era_key_ok(const void *row)
{
    static qres_aes128 expected;
    const era_key_row *v = row;
    const qres_aes128 *kept = &rig_node.key_schedule[v->era % 2];
    if (!rig_node_at(v->site, v->key, 0, QRES_NO_SLOT)) {
        return 0;
    }
    (void)qresi_seal_cipher(&rig_node, v->era);
    qres_aes128_init(&expected, v->era_key);
    for (size_t i = 0; i < sizeof expected.rk / sizeof expected.rk[0]; i++) {
        if (kept->rk[i] != expected.rk[i]) {
            return 0;
        }
    }
    return rig_node.key_era[v->era % 2] == v->era;
}

int nonce_ok(const void *row)
{
    const nonce_row *v = row;
    if (qres_field_init(&rig_field, v->site) != QRES_OK) {
        return 0;
    }
    qresi_seal_nonce(&rig_field, v->phase, v->sender_id, v->frame_kind, rig_buffer);
    return rig_same(rig_buffer, v->nonce, sizeof v->nonce);
}

/* What a node with that digest makes of the frame: its code. */
static int hear_beacon(const beacon_row *v, uint32_t digest, const uint8_t *frame)
{
    if (!rig_node_at(v->site, v->key, v->phase - 1, QRES_NO_SLOT)) {
        return QRES_ERR_INVALID;
    }
    rig_own_digest_is(digest);
    return rig_hear(v->phase, rig_field.slots, frame, v->frame.len);
}

/* Its sender sends the same header, and its own digest under the same key stream. */
static int beacon_sent_ok(const beacon_row *v)
{
    const rig_frame *mine;
    uint32_t digest;
    int n;
    if (!rig_node_at(v->site, v->key, v->phase - 2, v->member) || rig_commit() != v->phase - 1) {
        return 0;
    }
    n = rig_open_phase(rig_missed);
    mine = rig_sent_kind(n, QRES_FRAME_BEACON);
    digest = qres_digest(&rig_node);
    return mine != NULL && mine->len == v->frame.len && rig_same(mine->at, v->frame.at, BEACON_HEAD)
           && (fx_get32(mine->at + BEACON_HEAD) ^ digest)
                  == (fx_get32(v->frame.at + BEACON_HEAD) ^ v->digest)
           && hear_beacon(v, digest, mine->at) == QRES_OK
           && rig_node.counters.beacons_wrong == 0;
}

/* A BEACON is taken with its digest, and sent, or refused with its reason. */
int beacon_ok(const void *row)
{
    const beacon_row *v = row;
    if (hear_beacon(v, v->digest, v->frame.at) != v->code) {
        return 0;
    }
    if (v->code != QRES_OK) {
        return 1;
    }
    return rig_info.kind == QRES_FRAME_BEACON && rig_info.member == v->member
           && rig_info.phase == v->phase && rig_node.counters.beacons_compared == 1
           && rig_node.counters.beacons_wrong == 0
           && hear_beacon(v, v->digest ^ 0x80000000u, v->frame.at) == QRES_OK
           && rig_node.counters.beacons_wrong == 1 && (!v->sent || beacon_sent_ok(v));
}

/* A scribe whose blob begins with the data sends the frame. */
static int checkpoint_sent_ok(const checkpoint_row *v)
{
    const rig_frame *mine;
    if (!rig_node_at(v->site, v->key, v->phase - 2, v->member)) {
        return 0;
    }
    rig_copy(rig_node.blob, v->data.at, v->data.len); /* the rest is zeros */
    rig_node.blob_len = v->blob_bytes;
    rig_node.snap_era = qres_era_of(&rig_field, v->phase);
    rig_node.snap_valid = 1;
    if (rig_commit() != v->phase - 1) {
        return 0;
    }
    mine = rig_sent_kind(rig_open_phase(rig_missed), QRES_FRAME_CHECKPOINT);
    return mine != NULL && mine->len == v->frame.len
           && rig_same(mine->at, v->frame.at, v->frame.len);
}

/* A CHECKPOINT is taken with its data, and sent, or refused with its reason. */
int checkpoint_ok(const void *row)
{
    const checkpoint_row *v = row;
    const qres_assembly *a = &rig_node.assembly;
    if (!rig_node_at(v->site, v->key, v->phase - 1, QRES_NO_SLOT)
        || rig_hear(v->phase, rig_field.slots, v->frame.at, v->frame.len) != v->code) {
        return 0;
    }
    if (v->code != QRES_OK) {
        return 1;
    }
    return rig_info.kind == QRES_FRAME_CHECKPOINT && rig_info.member == v->member
           && rig_info.phase == v->phase && a->have == 1 && a->index[0] == v->number
           && a->len == v->blob_bytes && rig_same(a->data[0], v->data.at, v->data.len)
           && (!v->sent || checkpoint_sent_ok(v));
}
