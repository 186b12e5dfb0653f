/* SPDX-License-Identifier: Apache-2.0 */
#include "esp_partition.h"
#include "node.h"

static int flash_read(void *ctx, uint32_t at, void *out, uint32_t len)
{
    return esp_partition_read(ctx, at, out, len) == ESP_OK ? PORT_OK : PORT_ERR_FLASH;
}

static int flash_prog(void *ctx, uint32_t at, const void *data, uint32_t len)
{
    return esp_partition_write(ctx, at, data, len) == ESP_OK ? PORT_OK : PORT_ERR_FLASH;
}

static int flash_erase(void *ctx, uint32_t at)
{
    const esp_partition_t *part = ctx;

    return esp_partition_erase_range(part, at, part->erase_size) == ESP_OK ? PORT_OK
                                                                           : PORT_ERR_FLASH;
}

port_flash node_flash(const char *name, bool writable)
{
    const esp_partition_t *part =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, name);
    port_flash flash = {.read = flash_read};

    if (part != NULL) {
        flash.ctx = (void *)(uintptr_t)part; /* handed back to esp_partition_*, which takes it const */
        flash.bytes = part->size;
        flash.sector_bytes = part->erase_size;
        flash.prog = writable ? flash_prog : NULL;
        flash.erase = writable ? flash_erase : NULL;
    }
    return flash;
}
