/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram_flash.h - NOR flash as memory, with power that fails in the middle.
 *
 * Programming only clears bits. A cut inside programming leaves the byte with some of its bits
 * changed; a cut inside erasing leaves the rest of the sector with random bits set.
 */
#ifndef QRES_RAM_FLASH_H
#define QRES_RAM_FLASH_H

#include "port.h"

#define RAM_FLASH_SECTOR 4096

/* Shared by all parts of one board. */
typedef struct {
    uint32_t cut_after; /* steps until power fails: bytes programmed, or 64 bytes erased; 0: never */
    uint32_t erase_us;  /* [us] what it takes to erase a sector */
    uint32_t prog_us;   /* [us] to program once */
    uint64_t busy_us;   /* of that so far */
    uint32_t random;    /* state of the generator, not 0 */
    void (*cut)(void *ctx); /* does not return */
    void *ctx;
    uint32_t steps;     /* done so far */
    uint32_t overwrites; /* bytes with bits that should have become 1 again: a bug of the caller */
    uint64_t (*instructions)(void *ctx); /* of the machine */
    void *machine;
    uint64_t spent;     /* instructions of this model: no board has them */
} ram_flash;

typedef struct {
    ram_flash *power;
    uint8_t *bytes;
    uint32_t len;
} ram_flash_part;

/* Describe `part` as the port wants it. */
port_flash ram_flash_describe(ram_flash_part *part, ram_flash *power, uint8_t *bytes, uint32_t len);

#endif /* QRES_RAM_FLASH_H */
