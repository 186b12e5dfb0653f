/* SPDX-License-Identifier: Apache-2.0 */
#include "qres.h"

uint32_t qres_wire_version(void)
{
    return QRES_WIRE_VERSION;
}
