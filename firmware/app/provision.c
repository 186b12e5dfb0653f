/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provisioning record: docs/provisioning.md has the layout and the order of the checks.
 */
#include "provision.h"

#include "bytes.h"

enum { CRC_BYTES = 4, OPTION_ECHO = 1, OPTION_FOLLOW = 2 };
enum { POWER_MIN_DBM = -9, POWER_MAX_DBM = 30, EDGE = 144 };
#define MAGIC 0x56525051u /* "QPRV" */
#define MADE_MAX_S (UINT64_MAX / 1000000u)

static void read_channel(qres_channel *c, const uint8_t *p)
{
    c->tol = signed32(get32(p));
    c->step = signed32(get32(p + 4));
    c->lo = signed32(get32(p + 8));
    c->hi = signed32(get32(p + 12));
    c->rho = signed32(get32(p + 16));
    c->flags = get32(p + 20);
    for (uint32_t k = 0; k < 4; k++) {
        c->w0[k] = signed32(get32(p + 24 + 4 * k));
    }
}

/* `place`: 0, or 1 + the member's place among the relays. What is no list of relays is made one of too many. */
static void read_relay(qres_site *s, uint32_t member, uint32_t place)
{
    if (place > QRES_MAX_RELAYS || (place > 0 && s->relay[place - 1] != QRES_NO_SLOT)) {
        s->n_relays = QRES_MAX_RELAYS + 1;
    } else if (place > 0) {
        s->relay[place - 1] = (uint8_t)member;
        s->n_relays = s->n_relays > place ? s->n_relays : (uint8_t)place;
    } else {
        /* no relay */
    }
}

static void read_site(qres_site *s, const uint8_t *p)
{
    const uint8_t *at = p + QRES_PROVISION_HEAD;
    s->field_id = get32(p + 8);
    s->epoch_s = get32(p + 12);
    s->range_m = get32(p + 16);
    s->echo = (get32(p + 20) & OPTION_ECHO) != 0;
    s->follow = (get32(p + 20) & OPTION_FOLLOW) != 0;
    s->lora.bw_hz = get32(p + 28);
    s->lora.preamble_symbols = (uint16_t)get16(p + 32);
    s->lora.sf = p[34];
    s->lora.cr = p[35];
    s->lora.crc = 1;
    s->lora.implicit_header = 0;
    s->n_channels = p[38];
    s->n_members = p[39];
    for (uint32_t r = 0; r < QRES_MAX_RELAYS; r++) {
        s->relay[r] = QRES_NO_SLOT; /* a gap among the relays stays no member, and is refused */
    }
    for (uint32_t c = 0; c < s->n_channels; c++, at += QRES_PROVISION_CHANNEL) {
        read_channel(&s->channel[c], at);
    }
    for (uint32_t i = 0; i < s->n_members; i++, at += QRES_PROVISION_MEMBER) {
        qres_member *m = &s->member[i];
        m->id = at[0];
        m->phase = at[1];
        m->slot = at[2];
        read_relay(s, i, at[3]);
        m->x_m = signed32(get32(at + 4));
        m->y_m = signed32(get32(at + 8));
        m->z_m = signed32(get32(at + 12));
    }
}

/* Steps 1 to 3. Returns the length of the record or an error. */
static int check_bytes(const uint8_t *p, size_t len)
{
    size_t said;
    size_t end;
    if (len < EDGE) {
        return QRES_ERR_LENGTH;
    }
    if (get32(p) != MAGIC) {
        return QRES_ERR_FORMAT;
    }
    if (get16(p + 4) != QRES_PROVISION_VERSION) {
        return QRES_ERR_VERSION;
    }
    said = get16(p + 6);
    end = QRES_PROVISION_HEAD + (size_t)p[38] * QRES_PROVISION_CHANNEL
          + (size_t)p[39] * QRES_PROVISION_MEMBER;
    if (p[38] < 1 || p[38] > QRES_MAX_CHANNELS || p[39] < 1 || p[39] > QRES_MAX_NODES
        || said != end + CRC_BYTES) {
        return QRES_ERR_FORMAT;
    }
    if (said > len) {
        return QRES_ERR_LENGTH;
    }
    if (crc32_of(p, end) != get32(p + end) || (p[41] | p[42] | p[43]) != 0
        || (get32(p + 20) & ~(uint32_t)(OPTION_ECHO | OPTION_FOLLOW)) != 0) {
        return QRES_ERR_FORMAT;
    }
    return (int)said;
}

static void read_name(char *out, const uint8_t *p)
{
    for (uint32_t i = 0; i < QRES_PROVISION_NAME; i++) {
        out[i] = (char)p[i];
    }
    out[QRES_PROVISION_NAME] = 0;
}

static int values_ok(const qres_provision *p)
{
    return p->self != QRES_NO_SLOT && qres_site_problem(&p->site) == NULL
           && qres_region_name(p->region) != NULL && qres_region_unsupported(p->region) == NULL
           && p->tx_power_dbm >= POWER_MIN_DBM && p->tx_power_dbm <= POWER_MAX_DBM
           && p->lat_e7 >= -900000000 && p->lat_e7 <= 900000000 && p->lon_e7 >= -1800000000
           && p->lon_e7 <= 1800000000 && p->made_s <= MADE_MAX_S;
}

int qres_provision_read(const uint8_t *bytes, size_t len, qres_provision *out)
{
    int length;
    if (bytes == NULL || out == NULL) {
        return QRES_ERR_INVALID;
    }
    length = check_bytes(bytes, len);
    if (length < 0) {
        return length;
    }
    *out = (qres_provision){0};
    read_site(&out->site, bytes);
    out->freq_hz = get32(bytes + 24);
    out->tx_power_dbm = (int8_t)(bytes[36] < 128 ? bytes[36] : bytes[36] - 256);
    out->region = bytes[37];
    out->site_hash = get32(bytes + 44);
    out->lat_e7 = signed32(get32(bytes + 48));
    out->lon_e7 = signed32(get32(bytes + 52));
    out->made_s = get64(bytes + 56);
    for (uint32_t i = 0; i < sizeof out->key; i++) {
        out->key[i] = bytes[64 + i];
    }
    read_name(out->field_name, bytes + 80);
    read_name(out->node_name, bytes + 112);
    out->self = QRES_NO_SLOT;
    for (uint32_t i = 0; i < out->site.n_members; i++) {
        if (out->site.member[i].id == bytes[40]) {
            out->self = (uint8_t)i;
        }
    }
    return values_ok(out) ? length : QRES_ERR_INVALID;
}
