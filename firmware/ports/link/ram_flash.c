/* SPDX-License-Identifier: Apache-2.0 */
#include "ram_flash.h"

enum { ERASE_STEP = 64 };

static uint32_t draw(ram_flash *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 17;
    f->random ^= f->random << 5;
    return f->random;
}

/* One step is about to happen: 1 if power fails in it. */
static int fails(ram_flash *f)
{
    f->steps++;
    return f->cut_after != 0 && --f->cut_after == 0;
}

static int inside(const ram_flash_part *p, uint32_t at, uint32_t len)
{
    return at <= p->len && len <= p->len - at;
}

static int do_read(void *ctx, uint32_t at, void *out, uint32_t len)
{
    const ram_flash_part *p = ctx;
    uint8_t *to = out;
    if (!inside(p, at, len)) {
        return PORT_ERR_FLASH;
    }
    for (uint32_t i = 0; i < len; i++) {
        to[i] = p->bytes[at + i];
    }
    return PORT_OK;
}

static int do_prog(void *ctx, uint32_t at, const void *data, uint32_t len)
{
    ram_flash_part *p = ctx;
    ram_flash *f = p->power;
    const uint8_t *from = data;
    if (!inside(p, at, len) || at % 4 != 0 || len % 4 != 0) {
        return PORT_ERR_FLASH;
    }
    for (uint32_t i = 0; i < len; i++) {
        uint8_t *cell = &p->bytes[at + i];
        f->overwrites += (from[i] & ~(uint32_t)*cell) != 0;
        if (fails(f)) {
            *cell &= (uint8_t)(from[i] | draw(f));
            f->cut(f->ctx);
        }
        *cell &= from[i];
    }
    return PORT_OK;
}

static int do_erase(void *ctx, uint32_t at)
{
    ram_flash_part *p = ctx;
    ram_flash *f = p->power;
    if (!inside(p, at, RAM_FLASH_SECTOR) || at % RAM_FLASH_SECTOR != 0) {
        return PORT_ERR_FLASH;
    }
    for (uint32_t i = 0; i < RAM_FLASH_SECTOR; i++) {
        if (i % ERASE_STEP == 0 && fails(f)) {
            for (; i < RAM_FLASH_SECTOR; i++) {
                uint32_t some = draw(f);
                p->bytes[at + i] |= (uint8_t)(some & draw(f));
            }
            f->cut(f->ctx);
        }
        p->bytes[at + i] = 0xff;
    }
    return PORT_OK;
}

/* The three, with what they cost on this machine taken note of. */
static int read_bytes(void *ctx, uint32_t at, void *out, uint32_t len)
{
    ram_flash *f = ((ram_flash_part *)ctx)->power;
    uint64_t before = f->instructions(f->machine);
    int rc = do_read(ctx, at, out, len);
    f->spent += f->instructions(f->machine) - before;
    return rc;
}

static int prog(void *ctx, uint32_t at, const void *data, uint32_t len)
{
    ram_flash *f = ((ram_flash_part *)ctx)->power;
    uint64_t before = f->instructions(f->machine);
    int rc = do_prog(ctx, at, data, len);
    f->busy_us += f->prog_us;
    f->spent += f->instructions(f->machine) - before;
    return rc;
}

static int erase(void *ctx, uint32_t at)
{
    ram_flash *f = ((ram_flash_part *)ctx)->power;
    uint64_t before = f->instructions(f->machine);
    int rc = do_erase(ctx, at);
    f->busy_us += f->erase_us;
    f->spent += f->instructions(f->machine) - before;
    return rc;
}

port_flash ram_flash_describe(ram_flash_part *part, ram_flash *power, uint8_t *bytes, uint32_t len)
{
    port_flash f;
    part->power = power;
    part->bytes = bytes;
    part->len = len;
    f.ctx = part;
    f.bytes = len;
    f.sector_bytes = RAM_FLASH_SECTOR;
    f.read = read_bytes;
    f.prog = prog;
    f.erase = erase;
    return f;
}
