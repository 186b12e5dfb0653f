/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - the core set up as a vector says: tests/core/vector_rig.py in C.
 *
 * There is one field, one node and one buffer, which every check uses anew: a small machine has no
 * room for more. A check of a bare state uses rig_node.live and rig_node.scratch.
 */
#ifndef QRES_TEST_RIG_H
#define QRES_TEST_RIG_H

#include "core.h"
#include "vectors.h"

enum { RIG_SENT_MAX = 2 };

typedef struct {
    uint8_t kind, len;
    uint8_t at[QRES_MAX_FRAME];
} rig_frame;

extern qres_field rig_field;
extern qres_node rig_node;
extern qres_heard_info rig_info;             /* of the frame heard last */
extern uint8_t rig_buffer[QRES_BLOB_MAX + 16];
extern rig_frame rig_sent[RIG_SENT_MAX];     /* by rig_open_phase */

int rig_same(const uint8_t *a, const uint8_t *b, size_t len);
void rig_copy(uint8_t *to, const uint8_t *from, size_t len);
int rig_same_report(const qres_report *a, const qres_report *b);

/* A list of words into a state of rig_field; whether a state is what the words say. */
void rig_state_read(qres_state *s, const int32_t *words);
int rig_state_is(qres_state *s, const int32_t *words);

/*
 * rig_node with member `self`, or QRES_NO_SLOT, that holds `state` as base and newest; the other
 * one: nothing is known of anybody after `phase`. Both return 0 if the site or the node is refused.
 */
int rig_node_with(const qres_site *site, const uint8_t *key, const int32_t *state, uint32_t self);
int rig_node_at(const qres_site *site, const uint8_t *key, uint32_t phase, uint32_t self);
/* rig_node as it starts, with that first phase; `search` as in qres_config. 0: refused. */
int rig_node_from(const qres_site *site, const uint8_t *key, uint32_t first_phase, uint32_t self,
                  uint32_t search);
/* Have the node believe that its newest state has this digest. */
void rig_own_digest_is(uint32_t digest);
/* A frame comes just when it is due in that slot; the common one is number rig_field.slots. */
int rig_hear(uint32_t phase, uint32_t slot, const uint8_t *frame, size_t len);
/* Samples of the phase after the node's; how many frames it sends, or -1 if it does anything else. */
int rig_open_phase(const int32_t *samples);
/* The frame of that kind among the first `n` of rig_sent, or NULL. */
const rig_frame *rig_sent_kind(int n, uint32_t kind);
/* End the phase after the node's. Returns its number, 0 if the node did something else. */
uint32_t rig_commit(void);
/* Six samples that were all missed. */
extern const int32_t rig_missed[QRES_MAX_CHANNELS];

#endif /* QRES_TEST_RIG_H */
