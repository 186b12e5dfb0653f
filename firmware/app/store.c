/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include "bytes.h"

enum {
    SECTORS_MIN = 4,
    SECTOR_HEAD = 12,
    RECORD_HEAD = 4,
    RECORD_CRC = 4,
    RECORD_MAX = RECORD_HEAD + STORE_DATA_MAX + RECORD_CRC,
    MARK = 0x5a
};
#define SECTOR_MAGIC 0x31545351u /* "QST1" */

static uint32_t padded(uint32_t len)
{
    return (len + 3u) & ~3u;
}

static uint32_t sectors(const store *s)
{
    return s->flash->bytes / s->flash->sector_bytes;
}

/* Sequence number of a sector, 0 if it has none. */
static uint32_t sector_sequence(const store *s, uint32_t sector)
{
    uint8_t head[SECTOR_HEAD];
    const port_flash *f = s->flash;
    if (f->read(f->ctx, sector * f->sector_bytes, head, SECTOR_HEAD) != PORT_OK
        || get32(head) != SECTOR_MAGIC || crc32_of(head, 8) != get32(head + 8)) {
        return 0;
    }
    return get32(head + 4);
}

/* Length of the record at `at` with its head and CRC, 0 if there is no valid one. */
static uint32_t read_record(const store *s, uint32_t at, uint32_t limit, uint8_t *record)
{
    const port_flash *f = s->flash;
    uint32_t len;
    uint32_t whole;
    if (at + RECORD_HEAD > limit || f->read(f->ctx, at, record, RECORD_HEAD) != PORT_OK) {
        return 0;
    }
    len = get16(record + 2);
    whole = RECORD_HEAD + padded(len) + RECORD_CRC;
    if (record[0] >= STORE_KEYS || record[1] != MARK || len == 0 || len > STORE_DATA_MAX
        || at + whole > limit
        || f->read(f->ctx, at + RECORD_HEAD, record + RECORD_HEAD, whole - RECORD_HEAD) != PORT_OK
        || crc32_of(record, whole - RECORD_CRC) != get32(record + whole - RECORD_CRC)) {
        return 0;
    }
    return whole;
}

static int is_erased(const store *s, uint32_t at, uint32_t limit)
{
    const port_flash *f = s->flash;
    uint8_t part[32];
    uint32_t len;
    for (uint32_t next = at; next < limit; next += len) {
        len = limit - next < sizeof part ? limit - next : (uint32_t)sizeof part;
        if (f->read(f->ctx, next, part, len) != PORT_OK) {
            return 0;
        }
        for (uint32_t i = 0; i < len; i++) {
            if (part[i] != 0xff) {
                return 0;
            }
        }
    }
    return 1;
}

/* Note the newest record of each key in the current sector; the end of its valid records. */
static uint32_t scan(store *s)
{
    uint8_t record[RECORD_MAX];
    uint32_t at = s->sector * s->flash->sector_bytes + SECTOR_HEAD;
    uint32_t limit = (s->sector + 1) * s->flash->sector_bytes;
    for (;;) {
        uint32_t len = read_record(s, at, limit, record);
        if (len == 0) {
            return at;
        }
        s->at[record[0]] = at;
        at += len;
    }
}

int store_open(store *s, const port_flash *flash)
{
    uint32_t best = 0;
    uint32_t n;
    *s = (store){0};
    s->flash = flash;
    if (flash->sector_bytes == 0 || flash->bytes / flash->sector_bytes < SECTORS_MIN) {
        return PORT_ERR_FLASH;
    }
    n = sectors(s);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t sequence = sector_sequence(s, i);
        if (sequence > best) {
            best = sequence;
            s->sector = i;
        }
    }
    s->sequence = best;
    if (best == 0) {
        return PORT_OK;
    }
    s->end = scan(s);
    if (!is_erased(s, s->end, (s->sector + 1) * flash->sector_bytes)) {
        s->end = (s->sector + 1) * flash->sector_bytes; /* torn: nothing more goes into it */
    }
    return PORT_OK;
}

int store_get(const store *s, uint32_t key, uint8_t *data, uint32_t cap)
{
    uint8_t record[RECORD_MAX];
    uint32_t len;
    if (key >= STORE_KEYS || s->at[key] == 0
        || read_record(s, s->at[key], s->flash->bytes, record) == 0) {
        return -1;
    }
    len = get16(record + 2);
    if (len > cap) {
        return -1;
    }
    for (uint32_t i = 0; i < len; i++) {
        data[i] = record[RECORD_HEAD + i];
    }
    return (int)len;
}

/* Program and compare. */
static int prog_verified(const store *s, uint32_t at, const uint8_t *data, uint32_t len)
{
    const port_flash *f = s->flash;
    uint8_t back[RECORD_MAX];
    if (f->prog(f->ctx, at, data, len) != PORT_OK || f->read(f->ctx, at, back, len) != PORT_OK) {
        return PORT_ERR_FLASH;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (back[i] != data[i]) {
            return PORT_ERR_FLASH;
        }
    }
    return PORT_OK;
}

/*
 * Make another sector the current one, with a copy of every key. Its head is written last: until
 * then it does not count, and the present one does.
 */
static int rotate(store *s, uint32_t next)
{
    const port_flash *f = s->flash;
    uint8_t record[RECORD_MAX];
    uint32_t start = next * f->sector_bytes;
    store made = *s;
    if (f->erase(f->ctx, start) != PORT_OK) {
        return PORT_ERR_FLASH;
    }
    made.sector = next;
    made.sequence++;
    made.rotations++;
    made.end = start + SECTOR_HEAD;
    for (uint32_t key = 0; key < STORE_KEYS; key++) {
        uint32_t len = s->at[key] == 0 ? 0 : read_record(s, s->at[key], f->bytes, record);
        if (len != 0 && prog_verified(s, made.end, record, len) != PORT_OK) {
            return PORT_ERR_FLASH;
        }
        made.at[key] = len != 0 ? made.end : 0;
        made.end += len;
    }
    put32(record, SECTOR_MAGIC);
    put32(record + 4, made.sequence);
    put32(record + 8, crc32_of(record, 8));
    if (prog_verified(s, start, record, SECTOR_HEAD) != PORT_OK) {
        return PORT_ERR_FLASH;
    }
    *s = made;
    return PORT_OK;
}

/* Append a whole record to the current sector. What was begun cannot be programmed again. */
static int append(store *s, const uint8_t *record, uint32_t len)
{
    uint32_t limit = (s->sector + 1) * s->flash->sector_bytes;
    if (s->sequence == 0 || s->end + len > limit) {
        return PORT_ERR_FLASH;
    }
    if (prog_verified(s, s->end, record, len) != PORT_OK) {
        s->end = limit;
        return PORT_ERR_FLASH;
    }
    s->at[record[0]] = s->end;
    s->end += len;
    return PORT_OK;
}

int store_reserve(store *s, uint32_t count, uint32_t len)
{
    uint32_t room = count * (RECORD_HEAD + padded(len) + RECORD_CRC);
    if (s->sequence != 0 && s->end + room <= (s->sector + 1) * s->flash->sector_bytes) {
        return PORT_OK;
    }
    for (uint32_t step = 1; step <= 2; step++) {
        if (rotate(s, (s->sector + step) % sectors(s)) == PORT_OK) {
            return PORT_OK;
        }
    }
    return PORT_ERR_FLASH;
}

int store_put(store *s, uint32_t key, const uint8_t *data, uint32_t len)
{
    uint8_t record[RECORD_MAX] = {0};
    uint32_t whole = RECORD_HEAD + padded(len) + RECORD_CRC;
    if (key >= STORE_KEYS || len == 0 || len > STORE_DATA_MAX) {
        return PORT_ERR_FLASH;
    }
    record[0] = (uint8_t)key;
    record[1] = MARK;
    put16(record + 2, len);
    for (uint32_t i = 0; i < len; i++) {
        record[RECORD_HEAD + i] = data[i];
    }
    put32(record + whole - RECORD_CRC, crc32_of(record, whole - RECORD_CRC));
    if (append(s, record, whole) == PORT_OK) {
        return PORT_OK;
    }
    /* Full, or worn: the next sector, or the one after it. */
    for (uint32_t step = 1; step <= 2; step++) {
        if (rotate(s, (s->sector + step) % sectors(s)) == PORT_OK
            && append(s, record, whole) == PORT_OK) {
            return PORT_OK;
        }
    }
    return PORT_ERR_FLASH;
}
