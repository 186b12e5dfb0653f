/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - what a sniffer writes to its serial line. FORMAT.md has the layout. */
#ifndef QRES_SNIFFER_RECORD_H
#define QRES_SNIFFER_RECORD_H

#include "radio.h"

/* cffi: begin */
#define RECORD_MAX 298   /* [bytes] before framing */
#define RECORD_LINE_MAX 302 /* [bytes] with COBS and both zeros */

typedef struct {
    uint8_t receiver[8];
    uint16_t seq; /* of the next record */
} record_writer;

/* What a sniffer says of itself. */
typedef struct {
    uint32_t boot, board;
    uint8_t reset;
    char version[12]; /* padded with zeros */
} record_identity;

/*
 * Each writes one framed record to `line` (RECORD_LINE_MAX bytes) and returns its length [bytes].
 * A frame of length 0 is refused with 0.
 */
size_t record_frame(record_writer *w, const radio_channel *channel, const radio_frame *frame,
                    uint8_t *line);
size_t record_configuration(record_writer *w, uint64_t now_us, const radio_channel *channel,
                            const record_identity *identity, uint8_t *line);
size_t record_status(record_writer *w, uint64_t now_us, const radio_counters *counters,
                     uint32_t dropped, int32_t radio_error, uint8_t *line);
/* COBS with a zero at both ends; `len` at most RECORD_MAX. Returns the length [bytes]. */
size_t record_line(const uint8_t *record, size_t len, uint8_t *line);
/* cffi: end */

#endif /* QRES_SNIFFER_RECORD_H */
