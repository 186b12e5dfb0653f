/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <string.h>

#define COBS_RUN_MAX 0xFFu

enum { VERSION = 1, KIND_FRAME = 1, KIND_CONFIGURATION = 2, KIND_STATUS = 3 };
enum { FLAG_END_UNCERTAIN = 1 };

typedef struct {
    uint8_t bytes[RECORD_MAX];
    size_t len;
} record;

static void put(record *r, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        r->bytes[r->len] = (uint8_t)(value >> (8 * i) & 0xFFu);
        r->len++;
    }
}

static void put_bytes(record *r, const void *data, size_t len)
{
    (void)memcpy(&r->bytes[r->len], data, len);
    r->len += len;
}

static void begin(record *r, record_writer *w, unsigned kind, uint64_t time_us)
{
    r->len = 0;
    put(r, VERSION, 1);
    put(r, kind, 1);
    put(r, w->seq, 2);
    w->seq++;
    put_bytes(r, w->receiver, sizeof w->receiver);
    put(r, time_us, 8);
}

static uint32_t crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xFFFFFFFFu;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

size_t record_line(const uint8_t *data, size_t len, uint8_t *line)
{
    size_t code_at = 1; /* where the length of the present run goes, once it is known */
    size_t at = 2;
    unsigned run = 1;

    line[0] = 0;
    for (size_t i = 0; i < len; i++) {
        if (data[i] != 0) {
            line[at] = data[i];
            at++;
            run++;
        }
        if (data[i] == 0 || run == COBS_RUN_MAX) {
            line[code_at] = (uint8_t)run;
            run = 1;
            code_at = at;
            at++;
        }
    }
    line[code_at] = (uint8_t)run;
    line[at] = 0;
    return at + 1;
}

static size_t finish(record *r, uint8_t *line)
{
    put(r, crc32(r->bytes, r->len), 4);
    return record_line(r->bytes, r->len, line);
}

size_t record_frame(record_writer *w, const radio_channel *channel, const radio_frame *frame,
                    uint8_t *line)
{
    record r;

    if (frame->len == 0) {
        return 0;
    }
    begin(&r, w, KIND_FRAME, frame->end_us);
    put(&r, channel->freq_hz, 4);
    put(&r, channel->lora.bw_hz, 4);
    put(&r, (uint32_t)frame->freq_error_hz, 4);
    put(&r, (uint16_t)frame->rssi_cdbm, 2);
    put(&r, (uint16_t)frame->snr_cdb, 2);
    put(&r, channel->lora.sf, 1);
    put(&r, frame->end_uncertain != 0 ? FLAG_END_UNCERTAIN : 0, 1);
    put(&r, frame->len, 1);
    put_bytes(&r, frame->bytes, frame->len);
    return finish(&r, line);
}

size_t record_configuration(record_writer *w, uint64_t now_us, const radio_channel *channel,
                            const record_identity *identity, uint8_t *line)
{
    record r;

    begin(&r, w, KIND_CONFIGURATION, now_us);
    put(&r, identity->boot, 4);
    put(&r, channel->freq_hz, 4);
    put(&r, channel->lora.bw_hz, 4);
    put(&r, identity->board, 4);
    put(&r, channel->lora.preamble_symbols, 2);
    put(&r, channel->lora.sf, 1);
    put(&r, channel->lora.cr, 1);
    put(&r, channel->sync_word, 1);
    put(&r, identity->reset, 1);
    put_bytes(&r, identity->version, sizeof identity->version);
    return finish(&r, line);
}

size_t record_status(record_writer *w, uint64_t now_us, const radio_counters *counters,
                     uint32_t dropped, int32_t radio_error, uint8_t *line)
{
    record r;

    begin(&r, w, KIND_STATUS, now_us);
    put(&r, counters->frames, 4);
    put(&r, counters->crc_errors, 4);
    put(&r, counters->header_errors, 4);
    put(&r, counters->empty, 4);
    put(&r, counters->irq_missed, 4);
    put(&r, counters->restarts, 4);
    put(&r, dropped, 4);
    put(&r, (uint32_t)radio_error, 4);
    return finish(&r, line);
}
