/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what the fuzz targets share. With clang, for as long as you like:
 *
 *   clang -DQRES_FUZZ -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *       -Inode/core/include -Inode/core/src tests/core/fuzz_heard.c node/core/src/[a-z]*.c \
 *       -o fuzz_heard
 *   ./fuzz_heard -max_len=2048 -max_total_time=300 corpus/
 *
 * Without QRES_FUZZ a target is a program of its own: it runs the files that it is given (to see a
 * finding again), else some thousand random inputs, so that the normal tests keep it alive.
 */
#ifndef QRES_FUZZ_H
#define QRES_FUZZ_H

#include "talking.h"

enum { FUZZ_INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input, read from front to back; beyond its end it reads 0. */
typedef struct {
    const uint8_t *data;
    size_t left;
} fuzz_input;

static inline uint32_t fuzz_u8(fuzz_input *in)
{
    uint32_t x = 0;
    if (in->left > 0) {
        x = *in->data++;
        in->left--;
    }
    return x;
}

static inline uint32_t fuzz_u16(fuzz_input *in)
{
    uint32_t lo = fuzz_u8(in);
    return lo | fuzz_u8(in) << 8;
}

static inline uint32_t fuzz_u32(fuzz_input *in)
{
    uint32_t lo = fuzz_u16(in);
    return lo | fuzz_u16(in) << 16;
}

/* lo..hi */
static inline int32_t fuzz_between(fuzz_input *in, int32_t lo, int32_t hi)
{
    uint64_t span = (uint64_t)((int64_t)hi - lo) + 1;
    return (int32_t)(lo + (int64_t)(fuzz_u32(in) % span));
}

/* The next up to `cap` bytes. Returns how many there were. */
static inline size_t fuzz_bytes(fuzz_input *in, uint8_t *out, size_t cap)
{
    size_t n = in->left < cap ? in->left : cap;
    memcpy(out, in->data, n);
    in->data += n;
    in->left -= n;
    return n;
}

/* The log is sorted and without repetitions, and the state is base folded over it. */
static inline void fuzz_check_replica(qres_node *n)
{
    static qres_node again;
    CHECK(n->n_log <= QRES_LOG_MAX, "%lu entries", (unsigned long)n->n_log);
    for (uint32_t i = 1; i < n->n_log; i++) {
        const qres_log_entry *a = &n->log[i - 1];
        const qres_log_entry *b = &n->log[i];
        CHECK(a->phase < b->phase || (a->phase == b->phase && a->member < b->member),
              "log entry %lu", (unsigned long)i);
    }
    CHECK(n->n_log == 0 || n->log[0].phase > n->base.phase, "log before base");
    qres_settle(n);
    again = *n;
    again.dirty = 1;
    qres_settle(&again);
    CHECK(qres_digest(&again) == qres_digest(n), "the state is not what base and log say");
    CHECK(n->recent_phase[n->live.phase % QRES_DIGEST_HISTORY] == n->live.phase
              && n->recent_digest[n->live.phase % QRES_DIGEST_HISTORY] == qres_digest(n),
          "the newest digest is not remembered");
    for (uint32_t c = 0; c < n->field->site.n_channels; c++) {
        CHECK(n->live.e[c] <= 12, "exponent %d", n->live.e[c]);
    }
}

#ifndef QRES_FUZZ

static void fuzz_file(const char *name)
{
    static uint8_t data[1u << 20];
    FILE *file = fopen(name, "rb");
    size_t size;
    CHECK(file != NULL, "cannot open %s", name);
    size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
}

/* Random lengths and bytes; small bytes are common, for they choose what is done. */
static void fuzz_smoke(uint32_t inputs)
{
    static uint8_t data[FUZZ_INPUT_MAX];
    chance c = {1};
    for (uint32_t k = 0; k < inputs; k++) {
        size_t size = chance_below(&c, k % 8 == 0 ? FUZZ_INPUT_MAX : 200);
        for (size_t i = 0; i < size; i++) {
            uint32_t shift = chance_below(&c, 8);
            data[i] = (uint8_t)(chance_below(&c, 256) >> shift);
        }
        (void)LLVMFuzzerTestOneInput(data, size);
    }
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        fuzz_smoke(2000);
    }
    for (int i = 1; i < argc; i++) {
        fuzz_file(argv[i]);
    }
    return 0;
}

#endif

#endif /* QRES_FUZZ_H */
