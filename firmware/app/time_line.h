/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_line.h - the one line that a node takes from its console: what time it is.
 *
 *   time <unix_us> <crc>\n      unix_us: [us] since 1970 when the line ends, 1 to 17 digits
 *                               crc: 4 hex digits, CRC-16/CCITT-FALSE (0x1021, start 0xffff)
 *                               of "time <unix_us>"
 *
 * For example "time 1790000000000000 31cd". Carriage returns are passed over. What does not begin
 * with "time " is noise, or the rest of a line whose beginning was lost: it is not answered.
 */
#ifndef QRES_APP_TIME_LINE_H
#define QRES_APP_TIME_LINE_H

#include <stdint.h>

/* What became of a line; the numbers are those of the log's word `time`. */
enum {
    TIME_LINE_NONE = 1,    /* no line is complete */
    TIME_LINE_OK = 0,      /* the clock is set */
    TIME_LINE_FORMAT = -1, /* not as above */
    TIME_LINE_CRC = -2,    /* damaged on its way */
    TIME_LINE_EARLY = -3,  /* before the provisioning, or before what the node has lived through */
    TIME_LINE_CLOSED = -4  /* the clock is known already, or nobody waits for a time any more */
};

#define TIME_LINE_MAX 27 /* [bytes] "time ", 17 digits, a blank, 4 digits */

typedef struct {
    uint8_t bytes[TIME_LINE_MAX];
    uint8_t len; /* TIME_LINE_MAX + 1: longer than any */
} time_line;

/* Take one byte. Returns TIME_LINE_NONE, _FORMAT, _CRC, or _OK and the time [us]. */
int time_line_take(time_line *line, uint8_t byte, uint64_t *unix_us);

#endif /* QRES_APP_TIME_LINE_H */
