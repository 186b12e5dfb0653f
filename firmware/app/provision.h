/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provision.h - the provisioning record: what makes a board a node of a field.
 *
 * `qres flash` writes one record into the flash partition "qres_prov"; the application reads it
 * at start. docs/provisioning.md has the layout bit by bit; node/qres/provisioning.py writes it.
 *
 * Freestanding C99: no allocation, no global state. The record holds the field key: neither it
 * nor a `qres_provision` may be printed or logged.
 */
#ifndef QRES_PROVISION_H
#define QRES_PROVISION_H

#include <stddef.h>
#include <stdint.h>

#include "qres.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QRES_PROVISION_VERSION 1
#define QRES_PROVISION_HEAD 144     /* [bytes] before the channels */
#define QRES_PROVISION_CHANNEL 40   /* [bytes] */
#define QRES_PROVISION_MEMBER 16    /* [bytes] */
#define QRES_PROVISION_MAX 2436     /* [bytes] longest record: 6 channels, 128 members */
#define QRES_PROVISION_NAME 32      /* [bytes] of a name, UTF-8 */

/* A record as it was read. */
typedef struct {
    qres_site site;       /* passes qres_site_problem */
    uint8_t self;         /* index of this node among the members */
    uint8_t region;       /* qres_region; its rules are known */
    int8_t tx_power_dbm;  /* [dBm] at the chip's output */
    uint32_t freq_hz;     /* [Hz] */
    uint32_t site_hash;   /* must equal qres_field.site_hash after qres_field_init */
    int32_t lat_e7;       /* [1e-7 deg] WGS 84 */
    int32_t lon_e7;       /* [1e-7 deg] */
    uint64_t made_s;      /* [s] since 1970: no earlier time can be true */
    uint8_t key[16];
    char field_name[QRES_PROVISION_NAME + 1]; /* zero-terminated */
    char node_name[QRES_PROVISION_NAME + 1];
} qres_provision;

/*
 * Read the record at the beginning of `bytes`; what follows it (erased flash) is ignored.
 *
 *   len  in   [bytes] QRES_PROVISION_MAX, or the partition's length, always suffices
 *   out  out  after an error its content means nothing
 *
 * Returns the record's length [bytes], or
 *   QRES_ERR_INVALID  an argument is NULL, or the record's values break a rule: SPEC 2, the
 *                     node is no member, the region's rules are not known, a power that no
 *                     board has, a time that microseconds in 64 bits cannot hold
 *   QRES_ERR_FORMAT   no record, a damaged one, or reserved bits that are set
 *   QRES_ERR_VERSION  a record of another layout
 *   QRES_ERR_LENGTH   `len` is shorter than the record
 */
int qres_provision_read(const uint8_t *bytes, size_t len, qres_provision *out);

#ifdef __cplusplus
}
#endif

#endif /* QRES_PROVISION_H */
