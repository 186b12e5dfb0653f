/* SPDX-License-Identifier: Apache-2.0 */
/* serial_line.h - the one way out of a sniffer: USB or UART, whichever the board has. Never read. */
#ifndef QRES_SERIAL_LINE_H
#define QRES_SERIAL_LINE_H

#include <stddef.h>
#include <stdint.h>

void serial_line_start(void);
/* All of it or nothing. Returns 1 if it was written, 0 if nobody reads. */
int serial_line_write(const uint8_t *data, size_t len);

#endif /* QRES_SERIAL_LINE_H */
