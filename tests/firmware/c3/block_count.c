/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts instructions for model.py: unicorn calls it at the start of each basic block. In Python the
 * same takes half a minute.
 */
#include <stdint.h>

typedef struct {
    const uint8_t *flash;
    uint64_t base, instructions;
} block_count;

void on_block(void *machine, uint64_t at, uint32_t size, void *count);

/* RISC-V, 1.5: an instruction whose two low bits are set has 4 bytes, else 2. */
void on_block(void *machine, uint64_t at, uint32_t size, void *count)
{
    block_count *c = count;
    uint64_t end = at - c->base + size;
    (void)machine;
    for (uint64_t i = at - c->base; i < end; c->instructions++) {
        i += (c->flash[i] & 3u) == 3u ? 4u : 2u;
    }
}
