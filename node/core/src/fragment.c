/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint cut into fragments with parity: any K of K + R give it back (SPEC 6.4).
 *
 * GF(256) with polynomial 0x11D and a Cauchy matrix, whose every square part is
 * invertible. Constant-time arithmetic is not needed: the data are not secret
 * from anybody who has got this far.
 */
#include "fragment.h"

#include "fixed.h"

enum { PARITY_BASE = 128 };

static uint8_t gf_mul(uint32_t a, uint32_t b)
{
    uint32_t x = 0;
    for (; b != 0; b >>= 1) {
        if (b & 1u) {
            x ^= a;
        }
        a <<= 1;
        if (a & 0x100u) {
            a ^= 0x11Du;
        }
    }
    return (uint8_t)x;
}

/* a^254 = 1/a; a is not 0 */
static uint8_t gf_inverse(uint32_t a)
{
    uint8_t result = 1;
    uint8_t power = (uint8_t)a;
    for (uint32_t e = 254; e != 0; e >>= 1) {
        if (e & 1u) {
            result = gf_mul(result, power);
        }
        power = gf_mul(power, power);
    }
    return result;
}

static uint8_t coefficient(uint32_t parity, uint32_t source)
{
    return gf_inverse((PARITY_BASE + parity) ^ source);
}

uint32_t qres_fragment_sources(size_t len)
{
    return (uint32_t)((len + QRES_FRAGMENT_DATA - 1) / QRES_FRAGMENT_DATA);
}

uint32_t qres_fragment_parities(size_t len)
{
    return 2 + (qres_fragment_sources(len) + 3) / 4;
}

size_t qresi_fragment_bytes(size_t len)
{
    uint32_t k = qres_fragment_sources(len);
    return (len + k - 1) / k;
}

static uint8_t source_byte(const uint8_t *blob, size_t len, size_t at)
{
    return at < len ? blob[at] : 0;
}

int qres_fragment(const uint8_t *blob, size_t len, uint32_t j, uint8_t *data)
{
    uint32_t sources = qres_fragment_sources(len);
    size_t d;
    if (len == 0 || len > QRES_BLOB_MAX || j >= sources + qres_fragment_parities(len)) {
        return QRES_ERR_INVALID;
    }
    d = qresi_fragment_bytes(len);
    for (size_t b = 0; b < d; b++) {
        data[b] = j < sources ? source_byte(blob, len, j * d + b) : 0;
    }
    for (uint32_t s = 0; j >= sources && s < sources; s++) {
        uint8_t factor = coefficient(j - sources, s);
        for (size_t b = 0; b < d; b++) {
            data[b] ^= gf_mul(factor, source_byte(blob, len, s * d + b));
        }
    }
    return (int)d;
}

static void add_row(uint8_t *to, const uint8_t *from, uint8_t factor, size_t n)
{
    for (size_t b = 0; b < n; b++) {
        to[b] ^= gf_mul(factor, from[b]);
    }
}

static void scale_row(uint8_t *row, uint8_t factor, size_t n)
{
    for (size_t b = 0; b < n; b++) {
        row[b] = gf_mul(factor, row[b]);
    }
}

/* Put each source fragment that is there at its own row. Returns how many parities follow them. */
static void place_sources(qres_assembly *a, uint32_t sources)
{
    for (uint32_t i = 0; i < a->have; i++) {
        while (a->index[i] < sources && a->index[i] != i) {
            uint32_t to = a->index[i];
            uint8_t index = a->index[to];
            a->index[to] = a->index[i];
            a->index[i] = index;
            for (uint32_t b = 0; b < QRES_FRAGMENT_DATA; b++) {
                uint8_t x = a->data[to][b];
                a->data[to][b] = a->data[i][b];
                a->data[i][b] = x;
            }
        }
    }
}

/*
 * Each row that holds a parity stands for a missing source: the row's own
 * number. Gauss-Jordan on the coefficients of the missing ones, which need no
 * storage beyond one small matrix row each.
 */
static void solve_missing(qres_assembly *a, uint32_t sources, size_t d,
                          uint8_t matrix[FRAGMENT_PARITIES_MAX][FRAGMENT_PARITIES_MAX])
{
    uint8_t row[FRAGMENT_PARITIES_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < sources; i++) {
        if (a->index[i] >= sources) {
            row[n++] = (uint8_t)i;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t parity = a->index[row[i]] - sources;
        for (uint32_t s = 0; s < sources; s++) {
            if (a->index[s] < sources) {
                add_row(a->data[row[i]], a->data[s], coefficient(parity, s), d);
            }
        }
        for (uint32_t j = 0; j < n; j++) {
            matrix[i][j] = coefficient(parity, row[j]);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        /* Leading minors of a Cauchy matrix are not 0, so no pivot search. */
        uint8_t factor = gf_inverse(matrix[i][i]);
        scale_row(matrix[i], factor, n);
        scale_row(a->data[row[i]], factor, d);
        for (uint32_t k = 0; k < n; k++) {
            uint8_t other = matrix[k][i];
            if (k != i && other != 0) {
                add_row(matrix[k], matrix[i], other, n);
                add_row(a->data[row[k]], a->data[row[i]], other, d);
            }
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        a->index[row[i]] = row[i];
    }
}

void qresi_fragment_assemble(qres_assembly *a, uint8_t *blob)
{
    uint8_t matrix[FRAGMENT_PARITIES_MAX][FRAGMENT_PARITIES_MAX];
    uint32_t sources = qres_fragment_sources(a->len);
    size_t d = qresi_fragment_bytes(a->len);
    place_sources(a, sources);
    solve_missing(a, sources, d, matrix);
    for (size_t i = 0; i < sources * d; i++) {
        uint8_t x = a->data[i / d][i % d];
        if (i < a->len) {
            blob[i] = x;
        }
    }
}
