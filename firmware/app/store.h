/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - a few small records in flash that survive a power cut at any moment.
 *
 * A log over at least 4 sectors, of which one is current: the valid one with
 * the highest sequence number. A record is appended to it; the newest valid one
 * of a key counts. When it is full, or its end is torn, the next sector is
 * erased, gets a copy of every key, and its head last: from then on it is the
 * current one. So every key has a valid record at every moment, however often
 * power fails. Wear: a sector is erased once for every `sectors * sector_bytes`
 * written.
 *
 *   sector   "QST1" | u32 sequence | u32 CRC-32 of both          12 bytes
 *   record   u8 key | u8 0x5a | u16 len | data, 4-aligned | u32 CRC-32 of all before
 */
#ifndef QRES_APP_STORE_H
#define QRES_APP_STORE_H

#include "port.h"

#define STORE_KEYS 4
#define STORE_DATA_MAX 176 /* [bytes] of one record, multiple of 4 */

typedef struct {
    const port_flash *flash;
    uint32_t sequence;       /* of the current sector; 0: there is none yet */
    uint32_t sector;         /* index of the current one */
    uint32_t end;            /* [bytes] in it, where the next record goes */
    uint32_t at[STORE_KEYS]; /* offset of the newest record, 0 if there is none */
    uint32_t rotations;      /* sectors begun since store_open */
} store;

/*
 * Find what is there. Whatever the flash holds, this ends well: damaged parts are passed over.
 * Returns PORT_OK, or PORT_ERR_FLASH if the flash has fewer than 4 sectors.
 */
int store_open(store *s, const port_flash *flash);

/*
 * Read a record.
 *   data  out  `cap` bytes at most
 * Returns its length [bytes], or -1 if there is none, or it is longer than `cap`.
 */
int store_get(const store *s, uint32_t key, uint8_t *data, uint32_t cap);

/*
 * Write a record, and read it back. When this returns PORT_OK the new value is what every later
 * store_open finds; when power fails inside, it is the old one or the new one.
 *   key  0..STORE_KEYS-1       len  [bytes] 1..STORE_DATA_MAX
 * Returns PORT_OK or PORT_ERR_FLASH.
 */
int store_put(store *s, uint32_t key, const uint8_t *data, uint32_t len);

/*
 * Make room now, so that the next `count` records of `len` bytes go in without an erasure, as long as
 * the flash is not worn: the next sector is begun if the current one has less left.
 *   count, len  as many as go into a sector with one record of each key; with more, each call erases
 * Returns PORT_OK or PORT_ERR_FLASH.
 */
int store_reserve(store *s, uint32_t count, uint32_t len);

#endif /* QRES_APP_STORE_H */
