/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QRES_RADIO_WAIT_H
#define QRES_RADIO_WAIT_H

#include "radio.h"

#define RADIO_AHEAD_US 1000000u /* [us] a frame may be handed over this long before its moment */

/*
 * Wait for a moment at most RADIO_AHEAD_US from now. Returns 0, RADIO_ERR_LATE if it is more than
 * RADIO_LATE_US ago, or RADIO_ERR_TIMEOUT if the clock does not move: the polls are counted.
 */
int radio_wait_until(const radio_io *io, uint64_t at_us);

#endif /* QRES_RADIO_WAIT_H */
