/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <stdio.h>

void port_say(const char *text)
{
    (void)fputs(text, stdout);
}
