/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self-test of the core on an ESP32-C3: its vectors, and what it costs. Not measured on hardware.
 * Everything is done once; the report is repeated for whoever plugs in later. Its lines:
 * firmware/README.md, "Self-test on a real C3".
 */
#include "board.h"
#include "bytes.h"
#include "lines.h"
#include "scenario.h"
#include "vectors.h"

#define PAINT 0x5a5a5a5au
enum { FORM = 1, ROUNDS = 4, WRONG_SHOWN = 8, PAUSE_US = 3000000, CLOCK_US = 2000 };
enum { LAST_OF_EPOCH = 5, RUN_IN = 40 }; /* [phases] before the end of the day; commits before it */

typedef void work(void);

typedef struct {
    uint32_t first, least, ticks, instructions; /* ticks: of the least */
} cost;

extern uint32_t stack_low[], stack_top[];
extern const uint8_t image_start[], image_end[];
int main(void);
void trapped(uint32_t cause, uint32_t at, uint32_t value);

static scenario field;
static qres_state before;
static qres_aes128 key;
static uint8_t block[16];
static uint8_t blob[QRES_BLOB_MAX];
static int blob_len;
static report shown, found; /* found: what does not change between reports */
static uint32_t number = 1; /* in .data: its place in flash must have been copied */

static void do_nothing(void)
{
}

static void do_restore(void)
{
    field.state = before;
}

static void do_commit(void)
{
    qres_commit(&field.field, &field.scratch, &field.state, field.reports, field.n_reports);
}

static void do_blob(void)
{
    blob_len = qres_blob_encode(&field.field, &field.state, blob, sizeof blob);
}

static void do_field(void)
{
    (void)qres_field_init(&field.field, &field.site);
}

static void do_key(void)
{
    qres_aes128_init(&key, block);
}

static void do_block(void)
{
    qres_aes128_encrypt(&key, block, block);
}

/* Once with an empty cache perhaps, then again; instructions in a round of their own. */
static cost measure(work *prepare, work *run)
{
    cost c = {0, UINT32_MAX, 0, 0};
    uint32_t from;
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t cycles;
        uint32_t ticks;
        prepare();
        board_count(BOARD_CYCLES);
        ticks = board_ticks();
        from = board_counted();
        run();
        cycles = board_counted() - from;
        ticks = board_ticks() - ticks;
        board_count_end();
        if (i == 0) {
            c.first = cycles;
        }
        if (cycles < c.least) {
            c.least = cycles;
            c.ticks = ticks;
        }
    }
    prepare();
    board_count(BOARD_INSTRUCTIONS);
    from = board_counted();
    run();
    c.instructions = board_counted() - from;
    board_count_end();
    return c;
}

static void show(const char *name, work *prepare, work *run)
{
    cost c = measure(prepare, run);
    report_line(&found, name);
    report_number(&found, "cycles", c.least);
    report_number(&found, "us", (c.ticks + BOARD_TICKS_PER_US / 2) / BOARD_TICKS_PER_US);
    report_number(&found, "instructions", c.instructions);
    report_number(&found, "first", c.first);
    report_line_end(&found);
}

/* names: the start of a field, a commit, the last of an epoch, the last of a day, a checkpoint. */
static void show_field(uint32_t members, const char *const names[5], const char *digest)
{
    if (!scenario_start(&field, members, RUN_IN)) {
        report_line(&found, "site_refused");
        report_line_end(&found);
        return;
    }
    show(names[0], do_nothing, do_field);
    scenario_run(&field, RUN_IN - LAST_OF_EPOCH - 1);
    before = field.state;
    show(names[1], do_restore, do_commit);
    field.state = before;
    scenario_run(&field, 1);
    before = field.state;
    show(names[2], do_restore, do_commit);
    field.state = before;
    scenario_run(&field, LAST_OF_EPOCH - 1);
    before = field.state;
    show(names[3], do_restore, do_commit);
    show(names[4], do_nothing, do_blob);
    report_line(&found, digest);
    report_hex(&found, "state", qres_state_digest(&field.field, &field.state));
    report_number(&found, "blob", (uint32_t)blob_len);
    report_hex(&found, "crc", crc32_more(0, blob, blob_len > 0 ? (size_t)blob_len : 0));
    report_line_end(&found);
}

static void show_vectors(void)
{
    uint32_t first = (uint32_t)run_vectors();
    uint32_t wrong = 0;
    for (uint32_t place = first; place != 0; place = vector_wrong_after(place)) {
        wrong++;
    }
    report_line(&found, "vectors");
    report_number(&found, "true", vector_count() - wrong);
    report_number(&found, "of", vector_count());
    report_line_end(&found);
    wrong = 0;
    for (uint32_t place = first; place != 0 && wrong < WRONG_SHOWN;
         place = vector_wrong_after(place)) {
        report_line(&found, "wrong");
        report_word(&found, vector_kind(place));
        report_word(&found, vector_id(place));
        report_line_end(&found);
        wrong++;
    }
}

/* What the CPU's clock is, by the crystal's timer. */
static void show_clock(void)
{
    uint32_t from_ticks;
    uint32_t from;
    uint32_t cycles;
    uint32_t ticks;
    board_count(BOARD_CYCLES);
    from_ticks = board_ticks();
    from = board_counted();
    board_wait_us(CLOCK_US);
    cycles = board_counted() - from;
    ticks = board_ticks() - from_ticks;
    board_count_end();
    report_line(&found, "clock");
    report_number(&found, "khz",
                  (uint32_t)((uint64_t)cycles * 1000u * BOARD_TICKS_PER_US / ticks));
    report_line_end(&found);
}

static void show_stack(void)
{
    uint32_t size = (uint32_t)((uintptr_t)stack_top - (uintptr_t)stack_low);
    uint32_t clean = 0;
    while (clean < size / 4 && stack_low[clean] == PAINT) {
        clean++;
    }
    report_line(&found, "stack");
    report_number(&found, "bytes", size - 4 * clean);
    report_number(&found, "of", size);
    report_line_end(&found);
}

static void show_image(void)
{
    size_t len = (uintptr_t)image_end - (uintptr_t)image_start;
    report_line(&found, "image");
    report_number(&found, "bytes", (uint32_t)len);
    report_hex(&found, "crc", crc32_more(0, image_start, len));
    report_line_end(&found);
}

int main(void)
{
    static const char *const names_30[5] = {"field_30", "commit_30", "commit_epoch_30",
                                            "commit_day_30", "checkpoint_30"};
    static const char *const names_128[5] = {"field_128", "commit_128", "commit_epoch_128",
                                             "commit_day_128", "checkpoint_128"};
    static const char running[] = "qres c3 runs its self-test\n";
    board_put(running, sizeof running - 1);
    show_image();
    show_clock();
    show_vectors();
    show("nothing", do_nothing, do_nothing);
    show("aes_key", do_nothing, do_key);
    show("aes_block", do_nothing, do_block);
    show_field(30, names_30, "digest_30");
    show_field(128, names_128, "digest_128");
    show_stack();
    for (;; number++) {
        shown.len = 0;
        report_line(&shown, "report");
        report_number(&shown, "form", FORM);
        report_number(&shown, "number", number);
        report_line_end(&shown);
        for (size_t i = 0; i < found.len && shown.len < sizeof shown.text; i++) {
            shown.text[shown.len++] = found.text[i];
        }
        report_end(&shown);
        board_put(shown.text, shown.len);
        board_wait_us(PAUSE_US);
    }
}

/* An exception: start.S comes here and never goes back. .bss may not be cleared yet. */
void trapped(uint32_t cause, uint32_t at, uint32_t value)
{
    for (;;) {
        shown.len = 0;
        report_line(&shown, "trap");
        report_number(&shown, "cause", cause);
        report_hex(&shown, "at", at);
        report_hex(&shown, "value", value);
        report_line_end(&shown);
        board_put(shown.text, shown.len);
        board_wait_us(PAUSE_US);
    }
}
