/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blob on its way: fragments, who sends which of them when, and who is the scribe (SPEC 6.4).
 */
#include "rig.h"

enum { NONE = 255 };

static const uint8_t any_key[16];

/* A blob is cut into these fragments. */
static int cut_ok(const fragments_row *v)
{
    uint8_t data[QRES_FRAGMENT_DATA];
    if (qres_fragment_sources(v->blob.len) != v->k || qres_fragment_parities(v->blob.len) != v->r
        || v->fragments.len != (v->k + v->r) * v->d) {
        return 0;
    }
    for (uint32_t j = 0; j < v->k + v->r; j++) {
        if (qres_fragment(v->blob.at, v->blob.len, j, data) != (int)v->d
            || !rig_same(data, v->fragments.at + j * v->d, v->d)) {
            return 0;
        }
    }
    return qres_fragment(v->blob.at, v->blob.len, v->k + v->r, data) == QRES_ERR_INVALID;
}

/* The last K of them, as frames, make the blob again; bytes of chance are no checkpoint, though. */
static int joined_ok(const fragments_row *v)
{
    if (!rig_node_at(v->site, v->key, v->phase - 1, QRES_NO_SLOT)) {
        return 0;
    }
    for (uint32_t i = 0; i < v->k; i++) {
        int code = rig_hear(v->phase, rig_field.slots, v->frames.at + i * v->frame_bytes,
                            v->frame_bytes);
        if (!v->joined) {
            if (rig_info.kind != 0 || code == QRES_OK) {
                return 0;
            }
        } else if (code != (i + 1 < v->k ? QRES_OK : QRES_ERR_BLOB)) {
            return 0;
        }
    }
    return !v->joined || rig_same(rig_node.blob, v->blob.at, v->blob.len);
}

int fragments_ok(const void *row)
{
    const fragments_row *v = row;
    return cut_ok(v) && joined_ok(v);
}

/* Numbers of fragments; a length that no blob has can be neither cut nor announced. */
int shape_ok(const void *row)
{
    const shape_row *v = row;
    uint8_t data[QRES_FRAGMENT_DATA];
    int d;
    qres_wipe(rig_buffer, sizeof rig_buffer);
    d = qres_fragment(rig_buffer, v->blob_bytes, 0, data);
    if (v->code == QRES_OK) {
        return d == (int)v->d && qres_fragment_sources(v->blob_bytes) == v->k
               && qres_fragment_parities(v->blob_bytes) == v->r;
    }
    return d == QRES_ERR_INVALID && rig_node_at(v->site, v->key, v->phase - 1, QRES_NO_SLOT)
           && rig_hear(v->phase, rig_field.slots, v->frame.at, v->frame.len) == v->code;
}

/* A day of one member: what it sends in the common slots is what the plan says it does. */
static int day_ok(const schedule_row *v, uint32_t member)
{
    for (uint32_t at = 0; at < v->beacons.len; at++) {
        int n = rig_open_phase(rig_missed);
        const rig_frame *beacon = rig_sent_kind(n, QRES_FRAME_BEACON);
        const rig_frame *part = rig_sent_kind(n, QRES_FRAME_CHECKPOINT);
        uint8_t number = member == 0 ? v->fragments.at[at] : NONE;
        uint8_t planned = v->beacons.at[at];
        if (n < 0 || (planned != NONE && planned >= v->site->n_members)
            || (beacon != NULL) != (planned == member)
            || (part == NULL ? NONE : part->at[0]) != number || rig_commit() == 0) {
            return 0;
        }
    }
    return 1;
}

/* Who sends what in the common slots of a day: every member lives through it, the first as scribe. */
int schedule_ok(const void *row)
{
    const schedule_row *v = row;
    for (uint32_t member = 0; member < v->site->n_members; member++) {
        uint32_t first;
        if (qres_field_init(&rig_field, v->site) != QRES_OK) {
            return 0;
        }
        first = qres_era_start(&rig_field, v->era);
        if (v->beacons.len != rig_field.phases_per_day
            || !rig_node_at(v->site, any_key, first - 2, member) || rig_commit() != first - 1) {
            return 0;
        }
        if (member == 0) { /* a blob of zeros that is not its own */
            rig_node.blob_len = v->blob_len;
            rig_node.snap_era = v->era;
            rig_node.snap_valid = 1;
        }
        if (!day_ok(v, member)) {
            return 0;
        }
    }
    return 1;
}

/* Of all members just the scribe has a blob after the midnight. */
int scribe_ok(const void *row)
{
    const scribe_row *v = row;
    for (uint32_t member = 0; member < v->site->n_members; member++) {
        uint32_t first;
        if (qres_field_init(&rig_field, v->site) != QRES_OK) {
            return 0;
        }
        first = qres_era_start(&rig_field, v->era);
        if (!rig_node_at(v->site, any_key, first - 2, member)) {
            return 0;
        }
        for (uint32_t i = 0; i < v->site->n_members; i++) {
            rig_node.live.absent[i] = 0;
            rig_node.live.last_report[i] = v->last_report[i] == 0 ? 0 : first - 1;
        }
        rig_node.base = rig_node.live;
        if (rig_commit() != first - 1 || (rig_node.blob_len != 0) != (v->scribe == member)) {
            return 0;
        }
        for (uint32_t i = 0; i < v->site->n_members; i++) {
            if (rig_node.live.last_report[i] != v->last_report[i]) {
                return 0;
            }
        }
    }
    return 1;
}
