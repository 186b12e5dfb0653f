/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fire_blob.h - the fire state in a checkpoint's bits.
 */
#ifndef QRES_FIRE_BLOB_H
#define QRES_FIRE_BLOB_H

#include "bits.h"
#include "qres.h"

void qresi_fire_put(bit_writer *w, const qres_field *f, const qres_state *s);

/* Returns QRES_OK or QRES_ERR_BLOB; the channels are in `s` already. */
int qresi_fire_get(bit_reader *r, const qres_field *f, qres_state *s);

#endif /* QRES_FIRE_BLOB_H */
