/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware's ring of raw samples, in a flash that loses power.
 *
 *   ring_rig SECTORS SAMPLES SEED FILE
 *
 * Appends random samples, with power cuts if SEED is not 0, and puts the flash into FILE. Prints
 * "w" and a sample for each one that was acknowledged, "c" for each one in which power failed, and
 * at the end "r" and a sample for each one that ring_read gives, "x" for each place without one.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ram_flash.h"
#include "ring.h"

enum { SECTORS_MAX = 256 };

static uint8_t memory[SECTORS_MAX * RAM_FLASH_SECTOR];
static ram_flash power;
static ram_flash_part part;
static jmp_buf restart;
static ring r;
static uint32_t done, dice = 2463534242u;

static uint32_t roll(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice;
}

static void cut(void *ctx)
{
    (void)ctx;
    longjmp(restart, 1);
}

static uint64_t nothing(void *ctx)
{
    (void)ctx;
    return 0;
}

static void show(char kind, const ring_sample *s)
{
    printf("%c %u %u %u %u %d %u %u %u %u %u %u %u\n", kind, (unsigned)s->time_s,
           (unsigned)s->rain_um, s->wind_pulses, s->wind_s, s->temp_cdegc, s->rh_cpct,
           s->pressure_dhpa, s->wind_dir_deg, s->battery_mv, s->panel_mv, s->faults, s->refused);
}

static ring_sample sample(void)
{
    ring_sample s = {0};
    s.time_s = 1790000000u + 600u * done;
    s.rain_um = roll();
    s.wind_pulses = (uint16_t)roll();
    s.wind_s = (uint16_t)roll();
    s.temp_cdegc = (int16_t)((int32_t)(roll() % 65536u) - 32768);
    s.rh_cpct = (uint16_t)roll();
    s.pressure_dhpa = (uint16_t)roll();
    s.wind_dir_deg = (uint16_t)roll();
    s.battery_mv = (uint16_t)roll();
    s.panel_mv = (uint16_t)roll();
    s.faults = (uint8_t)roll();
    s.refused = (uint8_t)roll();
    return s;
}

static void append(const port_flash *flash, uint32_t samples, uint32_t seed)
{
    if (setjmp(restart) != 0) {
        printf("c\n");
        power.cut_after = 0;
        if (ring_open(&r, flash) != PORT_OK) {
            exit(1);
        }
    }
    while (done < samples) {
        ring_sample s;
        done++;
        s = sample();
        power.cut_after = seed == 0 || roll() % 4u != 0 ? 0 : 1u + roll() % 110u;
        if (ring_append(&r, &s) != PORT_OK) {
            exit(1);
        }
        show('w', &s);
    }
    power.cut_after = 0;
}

int main(int argc, char **argv)
{
    uint32_t sectors = argc == 5 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    uint32_t seed = argc == 5 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    port_flash flash;
    FILE *file;
    if (sectors == 0 || sectors > SECTORS_MAX) {
        fprintf(stderr, "usage: ring_rig SECTORS SAMPLES SEED FILE\n");
        return 2;
    }
    memset(memory, 0xff, sizeof memory);
    dice += seed * 2654435761u;
    power.random = dice;
    power.cut = cut;
    power.instructions = nothing;
    flash = ram_flash_describe(&part, &power, memory, sectors * RAM_FLASH_SECTOR);
    if (ring_open(&r, &flash) != PORT_OK) {
        return 1;
    }
    append(&flash, (uint32_t)strtoul(argv[2], NULL, 10), seed);
    if (ring_open(&r, &flash) != PORT_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < ring_count(&r); i++) {
        ring_sample s;
        if (ring_read(&r, i, &s) != 0) {
            show('r', &s);
        } else {
            printf("x\n");
        }
    }
    file = fopen(argv[4], "wb");
    if (file == NULL || fwrite(memory, 1, flash.bytes, file) != flash.bytes || fclose(file) != 0) {
        return 1;
    }
    return 0;
}
