/* SPDX-License-Identifier: Apache-2.0 */
/* What selftest.c says of its fields, on the host: "digest_<members> <state> <blob bytes>". */
#include <stdio.h>

#include "scenario.h"

int main(void)
{
    static scenario s;
    static uint8_t blob[QRES_BLOB_MAX];
    static const uint32_t members[2] = {30, 128};
    for (int i = 0; i < 2; i++) {
        if (!scenario_start(&s, members[i], 40)) {
            return 1;
        }
        scenario_run(&s, 40);
        (void)printf("digest_%lu %08lx %d\n", (unsigned long)members[i],
                     (unsigned long)qres_state_digest(&s.field, &s.state),
                     qres_blob_encode(&s.field, &s.state, blob, sizeof blob));
    }
    return 0;
}
