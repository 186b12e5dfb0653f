/* SPDX-License-Identifier: Apache-2.0 */
/* The library was compiled from the header that its callers include. */
#include <stdio.h>

#include "qres.h"

int main(void)
{
    if (qres_wire_version() != QRES_WIRE_VERSION) {
        (void)fprintf(stderr, "library %lu, header %d\n",
                      (unsigned long)qres_wire_version(), QRES_WIRE_VERSION);
        return 1;
    }
    return 0;
}
