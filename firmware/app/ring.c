/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include "bytes.h"

enum { SECTORS_MIN = 2, HEAD_BYTES = 12 };
#define SECTOR_MAGIC 0x31475251u /* "QRG1" */

static uint32_t sectors(const ring *r)
{
    return r->flash->bytes / r->flash->sector_bytes;
}

static uint32_t places_per_sector(const ring *r)
{
    return r->flash->sector_bytes / RING_SAMPLE_BYTES - 1;
}

static uint32_t sector_sequence(const ring *r, uint32_t sector)
{
    uint8_t head[HEAD_BYTES];
    const port_flash *f = r->flash;
    if (f->read(f->ctx, sector * f->sector_bytes, head, HEAD_BYTES) != PORT_OK
        || get32(head) != SECTOR_MAGIC || crc32_of(head, 8) != get32(head + 8)) {
        return 0;
    }
    return get32(head + 4);
}

static int is_erased(const ring *r, uint32_t at)
{
    uint8_t place[RING_SAMPLE_BYTES];
    if (r->flash->read(r->flash->ctx, at, place, sizeof place) != PORT_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < sizeof place; i++) {
        if (place[i] != 0xff) {
            return 0;
        }
    }
    return 1;
}

int ring_open(ring *r, const port_flash *flash)
{
    uint32_t limit;
    *r = (ring){0};
    r->flash = flash;
    if (flash->sector_bytes < 2 * RING_SAMPLE_BYTES
        || flash->bytes / flash->sector_bytes < SECTORS_MIN) {
        return PORT_ERR_FLASH;
    }
    for (uint32_t i = 0; i < sectors(r); i++) {
        uint32_t sequence = sector_sequence(r, i);
        if (sequence > r->sequence) {
            r->sequence = sequence;
            r->sector = i;
        }
    }
    if (r->sequence == 0) {
        return PORT_OK;
    }
    /* Behind the last place that was ever begun: a torn one is passed over. */
    limit = r->sector * flash->sector_bytes + RING_SAMPLE_BYTES;
    r->end = (r->sector + 1) * flash->sector_bytes;
    while (r->end > limit && is_erased(r, r->end - RING_SAMPLE_BYTES)) {
        r->end -= RING_SAMPLE_BYTES;
    }
    return PORT_OK;
}

static int begin_sector(ring *r)
{
    const port_flash *f = r->flash;
    uint8_t head[HEAD_BYTES];
    uint32_t next = r->sequence == 0 ? 0 : (r->sector + 1) % sectors(r);
    put32(head, SECTOR_MAGIC);
    put32(head + 4, r->sequence + 1);
    put32(head + 8, crc32_of(head, 8));
    if (f->erase(f->ctx, next * f->sector_bytes) != PORT_OK
        || f->prog(f->ctx, next * f->sector_bytes, head, sizeof head) != PORT_OK) {
        return PORT_ERR_FLASH;
    }
    r->sector = next;
    r->sequence++;
    r->end = next * f->sector_bytes + RING_SAMPLE_BYTES;
    return PORT_OK;
}

int ring_append(ring *r, const ring_sample *s)
{
    uint8_t p[RING_SAMPLE_BYTES];
    uint32_t at;
    if (r->sequence == 0 || r->end >= (r->sector + 1) * r->flash->sector_bytes) {
        int rc = begin_sector(r);
        if (rc != PORT_OK) {
            return rc;
        }
    }
    put32(p, s->time_s);
    put32(p + 4, s->rain_um);
    put16(p + 8, s->wind_pulses);
    put16(p + 10, s->wind_s);
    put16(p + 12, (uint32_t)s->temp_cdegc);
    put16(p + 14, s->rh_cpct);
    put16(p + 16, s->pressure_dhpa);
    put16(p + 18, s->wind_dir_deg);
    put16(p + 20, s->battery_mv);
    put16(p + 22, s->panel_mv);
    p[24] = s->faults;
    p[25] = s->refused;
    put16(p + 26, 0);
    put32(p + 28, crc32_of(p, 28));
    at = r->end;
    r->end += RING_SAMPLE_BYTES;
    return r->flash->prog(r->flash->ctx, at, p, sizeof p);
}

/* Whole sectors in use before the current one. */
static uint32_t older_sectors(const ring *r)
{
    uint32_t most = sectors(r) - 1;
    uint32_t n = 0;
    while (n < most && n + 1 < r->sequence
           && sector_sequence(r, (r->sector + sectors(r) - n - 1) % sectors(r))
                  == r->sequence - n - 1) {
        n++;
    }
    return n;
}

uint32_t ring_count(const ring *r)
{
    uint32_t in_current;
    if (r->sequence == 0) {
        return 0;
    }
    in_current = (r->end - r->sector * r->flash->sector_bytes) / RING_SAMPLE_BYTES - 1;
    return older_sectors(r) * places_per_sector(r) + in_current;
}

int ring_read(const ring *r, uint32_t index, ring_sample *s)
{
    uint8_t p[RING_SAMPLE_BYTES];
    uint32_t per_sector = places_per_sector(r);
    uint32_t older;
    uint32_t sector;
    uint32_t at;
    if (index >= ring_count(r)) {
        return 0;
    }
    older = older_sectors(r);
    sector = (r->sector + sectors(r) - older + index / per_sector) % sectors(r);
    at = sector * r->flash->sector_bytes + (1 + index % per_sector) * RING_SAMPLE_BYTES;
    if (r->flash->read(r->flash->ctx, at, p, sizeof p) != PORT_OK
        || crc32_of(p, 28) != get32(p + 28)) {
        return 0;
    }
    s->time_s = get32(p);
    s->rain_um = get32(p + 4);
    s->wind_pulses = (uint16_t)get16(p + 8);
    s->wind_s = (uint16_t)get16(p + 10);
    s->temp_cdegc = (int16_t)signed32(get16(p + 12) | (p[13] & 0x80u ? 0xffff0000u : 0u));
    s->rh_cpct = (uint16_t)get16(p + 14);
    s->pressure_dhpa = (uint16_t)get16(p + 16);
    s->wind_dir_deg = (uint16_t)get16(p + 18);
    s->battery_mv = (uint16_t)get16(p + 20);
    s->panel_mv = (uint16_t)get16(p + 22);
    s->faults = p[24];
    s->refused = p[25];
    return 1;
}
