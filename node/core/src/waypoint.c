/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second, later base: the live state some phases ago, without what follows from the rest.
 *
 * Noted at an epoch's start only: there each value is the prediction that SPEC 5.4 makes of the
 * other numbers, and an absent channel's value is 0. That saves 3 KB of the node's memory.
 */
#include "core.h"

void qresi_waypoint_note(qres_node *n)
{
    const qres_state *s = &n->live;
    qres_waypoint *w = &n->waypoint;
    w->phase = s->phase;
    w->fire = s->fire;
    for (uint32_t c = 0; c < n->field->site.n_channels; c++) {
        w->m[c] = s->m[c];
        w->e[c] = s->e[c];
        for (uint32_t k = 0; k < 4; k++) {
            w->q[c][k] = s->q[c][k];
        }
        for (uint32_t i = 0; i < n->field->site.n_members; i++) {
            w->last[c][i] = s->last[c][i];
            w->slow[c][i] = s->slow[c][i];
        }
    }
    for (uint32_t i = 0; i < n->field->site.n_members; i++) {
        w->absent[i] = s->absent[i];
        w->last_report[i] = s->last_report[i];
        w->fuel[i] = s->fuel[i];
        w->mark[i] = s->mark[i];
    }
}

void qresi_waypoint_return(qres_node *n)
{
    const qres_waypoint *w = &n->waypoint;
    qres_state *s = &n->live;
    s->phase = w->phase;
    s->fire = w->fire;
    for (uint32_t c = 0; c < n->field->site.n_channels; c++) {
        s->m[c] = w->m[c];
        s->e[c] = w->e[c];
        for (uint32_t k = 0; k < 4; k++) {
            s->q[c][k] = w->q[c][k];
        }
        for (uint32_t i = 0; i < n->field->site.n_members; i++) {
            s->value[c][i] = 0;
            s->last[c][i] = w->last[c][i];
            s->slow[c][i] = w->slow[c][i];
        }
    }
    for (uint32_t i = 0; i < n->field->site.n_members; i++) {
        s->absent[i] = w->absent[i];
        s->last_report[i] = w->last_report[i];
        s->fuel[i] = w->fuel[i];
        s->mark[i] = w->mark[i];
    }
    qresi_epoch_begin(n->field, s, (s->phase + 1) / QRES_PHASES);
}
