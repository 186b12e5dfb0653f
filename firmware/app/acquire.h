/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acquire.h - the time, from nothing: a BEACON carries its phase in clear, under its tag.
 */
#ifndef QRES_APP_ACQUIRE_H
#define QRES_APP_ACQUIRE_H

#include "qres.h"

/*
 * Is this an authentic BEACON of the field (SPEC 6.3), without knowing the time?
 *
 *   earliest  in   phase before which none is believed: an old one, recorded and sent again
 *   phase     out  the phase in which it was sent
 *
 * Returns QRES_OK, or QRES_ERR_LENGTH, _VERSION, _SITE, _WINDOW, _TAG as SPEC 9 has them.
 */
int acquire_beacon(const qres_field *field, const uint8_t key[16], const uint8_t *frame, size_t len,
                   uint32_t earliest, uint32_t *phase);

/* Field time at the end of reception of a BEACON of `phase`. [us] */
uint64_t acquire_end_us(const qres_field *field, uint32_t phase);

#endif /* QRES_APP_ACQUIRE_H */
