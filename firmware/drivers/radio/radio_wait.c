/* SPDX-License-Identifier: Apache-2.0 */
#include "radio_wait.h"

#define SPIN_US 200u /* [us] the last stretch before the moment is polled */

int radio_wait_until(const radio_io *io, uint64_t at_us)
{
    uint64_t now = io->now_us(io->ctx);

    if (now + SPIN_US < at_us) {
        io->delay_us(io->ctx, (uint32_t)(at_us - now) - SPIN_US);
    }
    for (uint32_t i = 0; i < SPIN_US; i++) {
        now = io->now_us(io->ctx);
        if (now >= at_us) {
            return now - at_us > RADIO_LATE_US ? RADIO_ERR_LATE : 0;
        }
        io->delay_us(io->ctx, at_us - now > 10u ? 10u : 1u);
    }
    return RADIO_ERR_TIMEOUT;
}
