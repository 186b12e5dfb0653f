/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States: commits, what is judged from one, the checkpoint blob (SPEC 4, 5, 7).
 */
#include "rig.h"

static qres_fire_member judged[QRES_MAX_NODES];

int commits_ok(const void *row)
{
    const commits_row *v = row;
    qres_state *s = &rig_node.live;
    if (qres_field_init(&rig_field, v->site) != QRES_OK) {
        return 0;
    }
    rig_state_read(s, v->start);
    if (qres_state_digest(&rig_field, s) != v->start_digest) {
        return 0;
    }
    for (uint32_t i = 0; i < v->n_steps; i++) {
        const commit_step *step = &v->steps[i];
        qres_commit(&rig_field, &rig_node.scratch, s, step->reports, step->n_reports);
        if (s->phase != step->phase || qres_state_digest(&rig_field, s) != step->digest
            || (step->state != NULL && !rig_state_is(s, step->state))) {
            return 0;
        }
    }
    return rig_state_is(s, v->end);
}

int judge_ok(const void *row)
{
    const judge_row *v = row;
    qres_fire_field whole;
    if (qres_field_init(&rig_field, v->site) != QRES_OK) {
        return 0;
    }
    rig_state_read(&rig_node.live, v->state);
    if (qres_judge(&rig_field, &rig_node.live, judged, &whole) != QRES_OK
        || whole.regime != v->regime || whole.anomaly != v->field_anomaly) {
        return 0;
    }
    for (uint32_t i = 0; i < rig_field.site.n_members; i++) {
        const qres_fire_member *m = &judged[i];
        if (m->ffmc != v->ffmc[i] || m->anomaly != v->anomaly[i] || m->weather != v->weather[i]
            || m->local != v->local[i] || m->cause != v->cause[i] || m->known != v->known[i]
            || (m->known && (m->vpd_kpa != v->vpd[i] || m->isi != v->isi[i]))) {
            return 0;
        }
    }
    return 1;
}

int blob_ok(const void *row)
{
    const blob_row *v = row;
    qres_state *s = &rig_node.live;
    if (qres_field_init(&rig_field, v->site) != QRES_OK
        || qres_blob_decode(&rig_field, v->era, v->blob.at, v->blob.len, &rig_node.scratch, s)
               != v->code) {
        return 0;
    }
    return v->code != QRES_OK
           || (rig_state_is(s, v->state) && qres_state_digest(&rig_field, s) == v->digest
               && qres_blob_encode(&rig_field, s, rig_buffer, sizeof rig_buffer)
                      == (int)v->again.len
               && rig_same(rig_buffer, v->again.at, v->again.len));
}
