/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QRES_FRAGMENT_H
#define QRES_FRAGMENT_H

#include "qres.h"

enum { FRAGMENT_PARITIES_MAX = 18 }; /* 2 + ceil(64 / 4) */

/* [bytes] of data in each fragment of a blob of `len` bytes, D of SPEC 6.4 */
size_t qresi_fragment_bytes(size_t len);

/*
 * K different fragments become the blob of a->len bytes. `a` is used up.
 */
void qresi_fragment_assemble(qres_assembly *a, uint8_t *blob);

#endif /* QRES_FRAGMENT_H */
