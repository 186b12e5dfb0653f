/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All vectors in turn. What a kind of vector asks is in the files run_*.c.
 */
#include "vectors.h"

/* The table that a place lies in, and the row, from 0 on, in it; NULL beyond the last. */
static const vector_table *table_of(uint32_t place, uint32_t *row)
{
    *row = place - 1;
    for (uint32_t t = 0; t < vector_table_count && place != 0; t++) {
        if (*row < vector_tables[t].count) {
            return &vector_tables[t];
        }
        *row -= vector_tables[t].count;
    }
    return NULL;
}

uint32_t vector_count(void)
{
    uint32_t n = 0;
    for (uint32_t t = 0; t < vector_table_count; t++) {
        n += vector_tables[t].count;
    }
    return n;
}

uint32_t vector_wrong_after(uint32_t place)
{
    const vector_table *t;
    uint32_t row;
    while ((t = table_of(++place, &row)) != NULL) {
        if (!t->check((const uint8_t *)t->rows + row * t->row_bytes)) {
            return place;
        }
    }
    return 0;
}

const char *vector_id(uint32_t place)
{
    uint32_t row;
    const vector_table *t = table_of(place, &row);
    return t == NULL ? "" : t->ids[row];
}

const char *vector_kind(uint32_t place)
{
    uint32_t row;
    const vector_table *t = table_of(place, &row);
    return t == NULL ? "" : t->kind;
}

int run_vectors(void)
{
    return (int)vector_wrong_after(0);
}
