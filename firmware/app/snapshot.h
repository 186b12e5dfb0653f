/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - the replica in flash: what a node knows of its field survives a reset.
 *
 * Once an era (a day) the base state is written; from then on every report of a
 * committed phase is appended. After a reset base and reports make the same
 * state again, so the node still reads its neighbours' 6-byte frames. Reports
 * heard in the phase in which power failed are lost; the next CHECKPOINT mends that.
 *
 * The partition is used in halves, by turns. A half: head (written last), base,
 * then entries of 24 bytes. What does not fit is not kept.
 */
#ifndef QRES_APP_SNAPSHOT_H
#define QRES_APP_SNAPSHOT_H

#include "port.h"
#include "qres.h"

typedef struct {
    const port_flash *flash; /* NULL: no partition, nothing is kept */
    uint32_t start;          /* [bytes] of the half in use */
    uint32_t end;            /* [bytes] where the next entry goes; 0: no valid half */
    uint32_t sequence;
} snapshot;

/* Find the newest whole half. */
void snapshot_open(snapshot *s, const port_flash *flash);

/* Write the node's base and log to the other half. Returns PORT_OK or PORT_ERR_FLASH. */
int snapshot_save(snapshot *s, const qres_node *node);

/* Append the entries that the log has of `phase`. Returns PORT_OK, or PORT_ERR_FLASH if no room. */
int snapshot_append(snapshot *s, const qres_node *node, uint32_t phase);

/* Append the entry of (phase, member), e.g. a late report. */
int snapshot_append_one(snapshot *s, const qres_node *node, uint32_t phase, uint32_t member);

/*
 * Append the entries of the phases from `first` to the last committed one that are not kept as the log
 * has them: what an echo or a relay said of committed phases.
 */
int snapshot_append_missing(snapshot *s, const qres_node *node, uint32_t first);

/*
 * Put base and log into a node that qres_init has just made. Its live state is the base then:
 * qres_next commits from there on.
 * Returns 1, or 0 if there is nothing of this site that is at most two days older than `phase`.
 */
int snapshot_restore(const snapshot *s, qres_node *node, uint32_t phase);

#endif /* QRES_APP_SNAPSHOT_H */
