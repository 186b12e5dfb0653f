/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any BEACON off the air, and any content of the flash: nothing is read outside, nothing hangs, and
 * a store that holds garbage still takes a record and gives it back.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_app.c; the first byte chooses the target
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ram_flash.h"
#include "ring.h"
#include "snapshot.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES = 16 * RAM_FLASH_SECTOR };

static uint8_t memory[BYTES];
static ram_flash power;
static ram_flash_part part;
static qres_site site;
static qres_field field;
static qres_node node;

static uint64_t nothing(void *ctx)
{
    (void)ctx;
    return 0;
}

static void make_field(void)
{
    site.field_id = 7;
    site.epoch_s = 600;
    site.range_m = 20000;
    site.lora = (qres_lora){125000, 8, 9, 1, 1, 0};
    site.n_channels = 1;
    site.channel[0] = (qres_channel){65536, 16384, -3932160, 5570560, 32768, 3, {0, 0, 0, 0}};
    site.n_members = 4;
    for (uint8_t i = 0; i < 4; i++) {
        site.member[i] = (qres_member){i, i, 0, 1000 * i, 0, 0};
    }
    if (qres_field_init(&field, &site) != QRES_OK) {
        abort();
    }
}

/* Pieces of the input at places that the input names, with checksums made right now and then. */
static port_flash fill(const uint8_t *data, size_t size, uint32_t bytes)
{
    memset(memory, 0xff, sizeof memory);
    while (size >= 4) {
        uint32_t at = (get16(data) * 4u) % bytes;
        uint32_t len = data[2] < size - 3 ? data[2] : (uint32_t)(size - 3);
        len = len < bytes - at ? len : bytes - at;
        memcpy(memory + at, data + 3, len);
        if (len >= 12 && (data[2] & 1) != 0) {
            put32(memory + at + len - 4, crc32_of(memory + at, len - 4));
        }
        data += 3 + len;
        size -= 3 + len;
    }
    power = (ram_flash){0};
    power.random = 1;
    power.instructions = nothing;
    return ram_flash_describe(&part, &power, memory, bytes);
}

static void try_store(const uint8_t *data, size_t size)
{
    const uint8_t put[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t got[STORE_DATA_MAX];
    store s;
    port_flash f = fill(data, size, 4 * RAM_FLASH_SECTOR);
    if (store_open(&s, &f) != PORT_OK || store_put(&s, 1, put, sizeof put) != PORT_OK) {
        abort();
    }
    if (store_open(&s, &f) != PORT_OK || store_get(&s, 1, got, sizeof got) != sizeof put
        || memcmp(got, put, sizeof put) != 0) {
        abort();
    }
}

static void try_ring(const uint8_t *data, size_t size)
{
    ring r;
    ring_sample sample = {0};
    port_flash f = fill(data, size, 3 * RAM_FLASH_SECTOR);
    if (ring_open(&r, &f) != PORT_OK) {
        abort();
    }
    for (uint32_t i = 0; i < ring_count(&r); i++) {
        (void)ring_read(&r, i, &sample);
    }
    sample.time_s = 77;
    if (ring_append(&r, &sample) != PORT_OK || ring_open(&r, &f) != PORT_OK) {
        abort();
    }
}

static void try_snapshot(const uint8_t *data, size_t size)
{
    static const uint8_t key[16] = {1};
    const qres_config config = {0, 0, 0, 11520000, 0};
    snapshot s;
    port_flash f = fill(data, size, BYTES);
    if (qres_init(&node, &field, key, &config) != QRES_OK) {
        abort();
    }
    snapshot_open(&s, &f);
    (void)snapshot_restore(&s, &node, config.first_phase);
    if (snapshot_save(&s, &node) != PORT_OK || !snapshot_restore(&s, &node, config.first_phase)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[16] = {1};
    qres_beacon beacon;
    if (field.site.n_members == 0) {
        make_field();
    }
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 4) {
    case 0:
        (void)qres_beacon_open(&field, key, data + 1, size - 1, 0, UINT32_MAX, &beacon);
        break;
    case 1:
        try_store(data + 1, size - 1);
        break;
    case 2:
        try_ring(data + 1, size - 1);
        break;
    default:
        try_snapshot(data + 1, size - 1);
        break;
    }
    return 0;
}
