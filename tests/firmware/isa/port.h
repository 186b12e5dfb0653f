/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - what main.c needs of a machine.
 */
#ifndef QRES_TEST_PORT_H
#define QRES_TEST_PORT_H

/* Text to the host's terminal. */
void port_say(const char *text);

#endif /* QRES_TEST_PORT_H */
