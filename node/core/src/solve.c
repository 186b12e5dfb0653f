/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L D L^T of a symmetric positive definite matrix in Q24 (SPEC 5.1).
 *
 * The diagonal is at least 1.05 and no off-diagonal entry exceeds 1, and the
 * kernel matrix itself is positive semidefinite, so D stays above 0.05 and
 * |L| below 20: 32 products of two such numbers fit 64 bits.
 */
#include "core.h"

static void factorise(int32_t a[32][32], uint32_t n)
{
    for (uint32_t j = 0; j < n; j++) {
        int64_t sum = (int64_t)a[j][j] << 24;
        for (uint32_t k = 0; k < j; k++) {
            sum -= (int64_t)a[k][j] * a[j][k]; /* V_jk * L_jk */
        }
        a[j][j] = (int32_t)fx_rsh(sum, 24);
        for (uint32_t i = j + 1; i < n; i++) {
            int64_t v = (int64_t)a[j][i] * ((int64_t)1 << 24); /* A_ij waits in the upper half */
            for (uint32_t k = 0; k < j; k++) {
                v -= (int64_t)a[k][i] * a[j][k]; /* V_ik * L_jk */
            }
            v = fx_rsh(v, 24);
            a[j][i] = (int32_t)v;
            a[i][j] = (int32_t)fx_rdiv(v * ((int64_t)1 << 24), a[j][j]);
        }
    }
}

void qresi_solve_ldl(qres_scratch *x, uint32_t n)
{
    factorise(x->a, n);
    for (uint32_t i = 0; i < n; i++) {
        int64_t sum = 0;
        for (uint32_t k = 0; k < i; k++) {
            sum += x->a[i][k] * x->y[k];
        }
        x->y[i] = x->r[i] - fx_rsh(sum, 24);
    }
    for (uint32_t i = 0; i < n; i++) {
        x->y[i] = fx_rdiv(x->y[i] * ((int64_t)1 << 24), x->a[i][i]);
    }
    for (uint32_t i = n; i-- > 0;) {
        int64_t sum = 0;
        for (uint32_t k = i + 1; k < n; k++) {
            sum += x->a[k][i] * x->y[k];
        }
        x->y[i] -= fx_rsh(sum, 24);
    }
}
