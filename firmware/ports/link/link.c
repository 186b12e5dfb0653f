/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include "bytes.h"

enum { HEAD = 16, START_BYTES = 20, RAW_BYTES = 35, RX_HEAD = 13, WORD_MAX = 24 };

/* Executed by the node: not in its flash model, and not while it waited for an answer. */
static uint64_t instructions(const node_link *k)
{
    return k->pipe.instructions(k->pipe.ctx) - k->power.spent - k->waited;
}

static void request(node_link *k, uint32_t kind, const uint8_t *data, uint32_t len)
{
    uint8_t *m = k->message;
    m[0] = (uint8_t)kind;
    m[1] = 0;
    put16(m + 2, len);
    put32(m + 4, (uint32_t)k->power.busy_us);
    put64(m + 8, instructions(k));
    for (uint32_t i = 0; i < len; i++) {
        m[HEAD + i] = data[i];
    }
    k->pipe.write(k->pipe.ctx, m, HEAD + len);
}

static void quit(node_link *k)
{
    uint8_t used[4];
    put32(used, k->pipe.stack_bytes(k->pipe.ctx));
    request(k, LINK_QUIT, used, sizeof used);
    k->pipe.quit(k->pipe.ctx);
}

/* The clock shows `now_us` now, and goes on from there. */
static void count_from(node_link *k, uint64_t now_us)
{
    k->now_us = now_us;
    k->counted = instructions(k);
    k->busy_us = k->power.busy_us;
}

/* Receive the answer; its content is in message + HEAD. Returns its length. */
static uint32_t answer(node_link *k)
{
    const uint64_t asked = k->pipe.instructions(k->pipe.ctx);
    uint32_t len;
    k->pipe.read(k->pipe.ctx, k->message, HEAD);
    len = get16(k->message + 2);
    if (len > sizeof k->message - HEAD) {
        len = sizeof k->message - HEAD;
    }
    if (len != 0) {
        k->pipe.read(k->pipe.ctx, k->message + HEAD, len);
    }
    k->waited += k->pipe.instructions(k->pipe.ctx) - asked;
    if (k->message[0] == LINK_QUIT) {
        quit(k);
    }
    count_from(k, get64(k->message + 8));
    return len;
}

static uint64_t now_us(void *ctx)
{
    const node_link *k = ctx;
    uint64_t computed_us = k->mips == 0 ? 0 : (instructions(k) - k->counted) / k->mips;
    return k->now_us + computed_us + (k->power.busy_us - k->busy_us);
}

static void set_clock(void *ctx, uint64_t to_us)
{
    node_link *k = ctx;
    uint8_t data[8];
    put64(data, to_us);
    request(k, LINK_CLOCK, data, sizeof data);
    count_from(k, to_us);
}

static void sleep(void *ctx, uint64_t until_us, port_depth depth)
{
    uint8_t data[9];
    put64(data, until_us);
    data[8] = (uint8_t)depth;
    request(ctx, LINK_SLEEP, data, sizeof data);
    (void)answer(ctx);
}

static void delay_us(void *ctx, uint32_t us)
{
    node_link *k = ctx;
    sleep(k, now_us(k) + us, PORT_SLEEP_LIGHT);
}

static int radio_start(void *ctx, const port_radio_config *config)
{
    (void)config;
    request(ctx, LINK_REST, NULL, 0);
    return PORT_OK;
}

static int radio_tx(void *ctx, uint64_t at_us, const uint8_t *bytes, uint32_t len)
{
    node_link *k = ctx;
    uint8_t data[8 + 255];
    if (len > 255) {
        return PORT_ERR_RADIO;
    }
    put64(data, at_us);
    for (uint32_t i = 0; i < len; i++) {
        data[8 + i] = bytes[i];
    }
    request(k, LINK_TX, data, 8 + len);
    return answer(k) < 4 ? PORT_ERR_RADIO : (int)signed32(get32(k->message + HEAD));
}

static int radio_rx(void *ctx, uint64_t until_us, port_frame *frame)
{
    node_link *k = ctx;
    const uint8_t *p = k->message + HEAD;
    uint8_t data[8];
    uint32_t len;
    put64(data, until_us);
    request(k, LINK_RX, data, sizeof data);
    len = answer(k);
    if (len < RX_HEAD || p[0] != 1) {
        return 0;
    }
    frame->end_us = get64(p + 1);
    frame->rssi_cdbm = (int16_t)((int32_t)(get16(p + 9) ^ 0x8000u) - 0x8000);
    frame->snr_cdb = (int16_t)((int32_t)(get16(p + 11) ^ 0x8000u) - 0x8000);
    frame->len = (uint8_t)(len - RX_HEAD);
    for (uint32_t i = 0; i < frame->len; i++) {
        frame->bytes[i] = p[RX_HEAD + i];
    }
    return 1;
}

static void radio_sleep(void *ctx)
{
    request(ctx, LINK_REST, NULL, 0);
}

static void ask_sensors(node_link *k, uint32_t kind, sensor_raw *raw)
{
    const uint8_t *p = k->message + HEAD;
    request(k, kind, NULL, 0);
    if (answer(k) < RAW_BYTES) {
        return;
    }
    raw->wind_pulses = get32(p + 24);
    raw->rain_tips = get32(p + 28);
    raw->has_wind = p[32];
    raw->has_rain = p[33];
    raw->faults = p[34];
    if (kind == LINK_SENSE) {
        raw->temp_degc = signed32(get32(p));
        raw->rh_pct = signed32(get32(p + 4));
        raw->pressure_hpa = signed32(get32(p + 8));
        raw->wind_dir_deg = signed32(get32(p + 12));
        raw->battery_v = signed32(get32(p + 16));
        raw->panel_v = signed32(get32(p + 20));
    }
}

static void sense(void *ctx, sensor_raw *raw)
{
    ask_sensors(ctx, LINK_SENSE, raw);
}

static void count(void *ctx, sensor_raw *raw)
{
    ask_sensors(ctx, LINK_COUNT, raw);
}

static uint32_t draw(void *ctx)
{
    node_link *k = ctx;
    k->seed ^= k->seed << 13;
    k->seed ^= k->seed >> 17;
    k->seed ^= k->seed << 5;
    return k->seed;
}

static void feed(void *ctx)
{
    (void)ctx; /* whoever hangs here is found by the host's own patience */
}

static void say(void *ctx, port_level level, const char *word, int32_t a, int32_t b)
{
    uint8_t data[12 + WORD_MAX] = {0};
    uint32_t len = 0;
    data[0] = (uint8_t)level;
    put32(data + 4, (uint32_t)a);
    put32(data + 8, (uint32_t)b);
    for (; len < WORD_MAX && word[len] != 0; len++) {
        data[12 + len] = (uint8_t)word[len];
    }
    request(ctx, LINK_LOG, data, 12 + len);
}

static void cut(void *ctx)
{
    node_link *k = ctx;
    request(k, LINK_CUT, NULL, 0);
    k->pipe.restart(k->pipe.ctx);
}

void link_port(node_link *k, const link_pipe *pipe, uint8_t *flash, port *p)
{
    static const port_fitted fitted = {100000, 0, 200, QRES_DIPOLE_CDBI, 3300};
    const uint8_t *said = k->message + HEAD;
    *p = (port){0};
    k->pipe = *pipe;
    k->power = (ram_flash){0};
    k->waited = pipe->instructions(pipe->ctx);
    k->power.instructions = pipe->instructions;
    k->power.machine = pipe->ctx;
    request(k, LINK_START, NULL, 0);
    if (answer(k) < START_BYTES) {
        quit(k);
    }
    p->reset = (port_reset)said[0];
    p->clock = (port_clock)said[1];
    k->waited = pipe->instructions(pipe->ctx); /* from here on it is a node that computes */
    k->counted = 0;
    k->mips = get16(said + 2);
    k->seed = get32(said + 4) | 1u;
    k->power.cut_after = get32(said + 8);
    k->power.erase_us = get32(said + 12);
    k->power.prog_us = get32(said + 16);
    k->power.random = k->seed;
    k->power.cut = cut;
    k->power.ctx = k;
    p->ctx = k;
    p->now_us = now_us;
    p->set_clock = set_clock;
    p->sleep = sleep;
    p->delay_us = delay_us;
    p->radio_start = radio_start;
    p->radio_tx = radio_tx;
    p->radio_rx = radio_rx;
    p->radio_sleep = radio_sleep;
    p->sense = sense;
    p->count = count;
    p->random = draw;
    p->feed_watchdog = feed;
    p->log = say;
    p->fitted = fitted;
    p->retained = flash + LINK_FLASH_BYTES - LINK_RETAINED_BYTES;
    p->retained_bytes = LINK_RETAINED_BYTES;
    p->provision = ram_flash_describe(&k->part[0], &k->power, flash, 8192);
    p->state = ram_flash_describe(&k->part[1], &k->power, flash + 8192, 32768);
    p->raw_log = ram_flash_describe(&k->part[2], &k->power, flash + 40960, 65536);
    p->replica = ram_flash_describe(&k->part[3], &k->power, flash + 106496, 131072);
}
