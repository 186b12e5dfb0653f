/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse.h"

static int long_ago(uint64_t then_us, uint64_t now_us, uint32_t us)
{
    return then_us == 0 || now_us < then_us || now_us - then_us >= us;
}

void pulse_level(pulse *p, int closed, uint64_t now_us, uint32_t debounce_us)
{
    if (closed == 0) {
        if (p->closed != 0) {
            p->closed = 0;
            p->open_us = now_us;
        }
        return;
    }
    if (p->closed != 0) {
        return;
    }
    p->closed = 1;
    if (long_ago(p->open_us, now_us, debounce_us) && long_ago(p->closed_us, now_us, debounce_us)) {
        p->count++;
        p->closed_us = now_us;
    } else {
        p->bounces++;
    }
}
