/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of provisioning records on the host.
 *
 *   provision_rig dump  < record   print the return code and, if it is a record, every value
 *   provision_rig bend N < record  read N records with bytes changed at random; each one that is
 *                                  accepted must also make a field
 *
 * With -DQRES_FUZZ it is a target for libFuzzer: a record with any bytes and a right checksum.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static qres_provision provision;
static qres_field field;

static void put_checksum(uint8_t *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length - 4; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
    }
    for (size_t i = 0; i < 4; i++) {
        bytes[length - 4 + i] = (uint8_t)(~crc >> (8 * i));
    }
}

/* What the reader accepts keeps its promises. */
static void check(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1); /* its own block: the sanitizer sees a read past its end */
    int got;
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, len);
    got = qres_provision_read(copy, len, &provision);
    free(copy);
    if (got < 0) {
        return;
    }
    if ((size_t)got > len || provision.self >= provision.site.n_members
        || qres_site_problem(&provision.site) != NULL || qres_region_name(provision.region) == NULL
        || strlen(provision.field_name) > QRES_PROVISION_NAME
        || strlen(provision.node_name) > QRES_PROVISION_NAME) {
        abort();
    }
    (void)qres_field_init(&field, &provision.site);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[QRES_PROVISION_MAX];
    size_t length = size < sizeof bytes ? size : sizeof bytes;
    if (length < QRES_PROVISION_HEAD + 4u) {
        check(data, size);
        return 0;
    }
    memcpy(bytes, data, length);
    memcpy(bytes, "QPRV\x01\x00", 6);
    bytes[6] = (uint8_t)length;
    bytes[7] = (uint8_t)(length >> 8);
    put_checksum(bytes, length);
    check(bytes, length);
    return 0;
}

#ifndef QRES_FUZZ

static uint8_t record[4096];

static void dump_members(const qres_site *s)
{
    for (uint32_t c = 0; c < QRES_MAX_CHANNELS; c++) {
        const qres_channel *h = &s->channel[c];
        printf("channel=%" PRId32 ",%" PRId32 ",%" PRId32 ",%" PRId32 ",%" PRId32 ",%" PRIu32, h->tol,
               h->step, h->lo, h->hi, h->rho, h->flags);
        for (int k = 0; k < 4; k++) {
            printf(",%" PRId32, h->w0[k]);
        }
        printf("\n");
    }
    for (uint32_t i = 0; i < QRES_MAX_NODES; i++) {
        const qres_member *m = &s->member[i];
        printf("member=%u,%u,%u,%" PRId32 ",%" PRId32 ",%" PRId32 "\n", m->id, m->phase, m->slot,
               m->x_m, m->y_m, m->z_m);
    }
}

static void dump(size_t len)
{
    const qres_site *s = &provision.site;
    int got = qres_provision_read(record, len, &provision);
    printf("returned=%d\n", got);
    if (got < 0) {
        return;
    }
    printf("field_id=%" PRIu32 "\nepoch_s=%" PRIu32 "\nrange_m=%" PRIu32 "\necho=%" PRIu32 "\n",
           s->field_id, s->epoch_s, s->range_m, s->echo);
    printf("follow=%" PRIu32 "\nrelays=", s->follow);
    for (uint32_t r = 0; r < s->n_relays; r++) {
        printf("%s%u", r > 0 ? "," : "", s->relay[r]);
    }
    printf("\n");
    printf("lora=%" PRIu32 ",%u,%u,%u,%u,%u\n", s->lora.bw_hz, s->lora.preamble_symbols, s->lora.sf,
           s->lora.cr, s->lora.crc, s->lora.implicit_header);
    printf("counts=%u,%u\nself=%u\nregion=%s\npower=%d\nfreq_hz=%" PRIu32 "\n", s->n_channels,
           s->n_members, provision.self, qres_region_name(provision.region), provision.tx_power_dbm,
           provision.freq_hz);
    printf("site_hash=%" PRIu32 "\nat=%" PRId32 ",%" PRId32 "\nmade_s=%" PRIu64 "\n",
           provision.site_hash, provision.lat_e7, provision.lon_e7, provision.made_s);
    printf("field_name=%s\nnode_name=%s\nkey=", provision.field_name, provision.node_name);
    for (size_t i = 0; i < sizeof provision.key; i++) {
        printf("%02x", provision.key[i]);
    }
    printf("\n");
    dump_members(s);
    printf("field=%d\n", qres_field_init(&field, s));
    printf("derived_hash=%" PRIu32 "\n", field.site_hash);
}

static uint32_t chance(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
    return (uint32_t)(((uint64_t)(*state >> 8) * below) >> 24);
}

static void bend(size_t len, uint32_t count)
{
    static uint8_t bent[sizeof record];
    uint32_t dice = 1;
    for (uint32_t n = 0; n < count; n++) {
        size_t length = len;
        memcpy(bent, record, len);
        for (uint32_t k = 1 + chance(&dice, 4); k > 0; k--) {
            bent[chance(&dice, (uint32_t)len)] = (uint8_t)chance(&dice, 256);
        }
        if (n % 4 == 0) {
            length = chance(&dice, (uint32_t)len);
        } else if (n % 4 != 1) {
            put_checksum(bent, len);
        }
        check(bent, length);
    }
}

int main(int argc, char **argv)
{
    size_t len = fread(record, 1, sizeof record, stdin);
    if (argc == 3 && strcmp(argv[1], "bend") == 0) {
        bend(len, (uint32_t)strtoul(argv[2], NULL, 10));
    } else {
        dump(len);
    }
    return 0;
}

#endif
