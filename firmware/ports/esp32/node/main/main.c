/* SPDX-License-Identifier: Apache-2.0 */
/* The application on an ESP32: fill port.h, then loop. */
#include "app.h"
#include "board_hw.h"
#include "esp_attr.h"
#include "esp_log.h"
#include "esp_random.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "node.h"

#define RETAINED_BYTES 256
#define NO_NODE_RETRY_US 60000000u

static RTC_NOINIT_ATTR uint32_t s_retained[RETAINED_BYTES / 4];
static app s_app;

static port_reset why_started(void)
{
    if (node_update_is_new()) {
        return PORT_RESET_UPDATE;
    }
    switch (esp_reset_reason()) {
    case ESP_RST_DEEPSLEEP:
        return PORT_RESET_DEEP_SLEEP;
    case ESP_RST_BROWNOUT:
    case ESP_RST_PWR_GLITCH:
        return PORT_RESET_BROWN_OUT;
    case ESP_RST_TASK_WDT:
    case ESP_RST_INT_WDT:
    case ESP_RST_WDT:
        return PORT_RESET_WATCHDOG;
    case ESP_RST_PANIC:
    case ESP_RST_CPU_LOCKUP:
    case ESP_RST_SW:
        return PORT_RESET_PANIC;
    default:
        return PORT_RESET_POWER_ON;
    }
}

static uint64_t now_us(void *ctx)
{
    (void)ctx;
    return node_now_us();
}

static void set_clock(void *ctx, uint64_t to_us)
{
    (void)ctx;
    node_set_clock(to_us);
}

static void sleep_until(void *ctx, uint64_t until_us, port_depth depth)
{
    (void)ctx;
    if (depth == PORT_SLEEP_DEEP) {
        node_sleep_deep(until_us); /* returns only if the moment has passed */
    } else {
        node_sleep_light(until_us);
    }
}

static void delay_us(void *ctx, uint32_t us)
{
    (void)ctx;
    board_delay_us(us);
}

static int radio_start(void *ctx, const port_radio_config *config)
{
    (void)ctx;
    return node_radio_start(config);
}

static int radio_tx(void *ctx, uint64_t at_us, const uint8_t *bytes, uint32_t len)
{
    (void)ctx;
    return node_radio_tx(at_us, bytes, len);
}

static int radio_rx(void *ctx, uint64_t until_us, port_frame *frame)
{
    (void)ctx;
    return node_radio_rx(until_us, frame);
}

static void radio_sleep(void *ctx)
{
    (void)ctx;
    node_radio_sleep();
}

static void sense(void *ctx, sensor_raw *raw)
{
    (void)ctx;
    node_sense(raw);
}

static void count(void *ctx, sensor_raw *raw)
{
    (void)ctx;
    node_count(raw);
}

static uint32_t random_number(void *ctx)
{
    (void)ctx;
    return esp_random();
}

static uint32_t console_read(void *ctx, uint8_t *out, uint32_t len)
{
    (void)ctx;
    return node_console_read(out, len);
}

static void feed_watchdog(void *ctx)
{
    (void)ctx;
    esp_task_wdt_reset();
}

static void log_event(void *ctx, port_level level, const char *word, int32_t a, int32_t b)
{
    (void)ctx;
    if (level == PORT_LOG_ERROR) {
        ESP_LOGE("qres", "%s %ld %ld", word, (long)a, (long)b);
    } else if (level == PORT_LOG_WARN) {
        ESP_LOGW("qres", "%s %ld %ld", word, (long)a, (long)b);
    } else {
        ESP_LOGI("qres", "%s %ld %ld", word, (long)a, (long)b);
    }
}

void app_main(void); /* ESP-IDF calls it and declares it nowhere */

void app_main(void)
{
    port_reset reset = why_started();
    bool is_warm = reset != PORT_RESET_POWER_ON && reset != PORT_RESET_BROWN_OUT;

    board_pulse_start(is_warm);
    node_sleep_resume(reset);
    esp_task_wdt_add(NULL);
    board_power_start();
    const port p = {
        .now_us = now_us,
        .set_clock = set_clock,
        .sleep = sleep_until,
        .delay_us = delay_us,
        .radio_start = radio_start,
        .radio_tx = radio_tx,
        .radio_rx = radio_rx,
        .radio_sleep = radio_sleep,
        .sense = sense,
        .count = count,
        .provision = node_flash("qres_prov", false),
        .state = node_flash("state", true),
        .raw_log = node_flash("raw_log", true),
        .replica = node_flash("replica", true),
        .retained = s_retained,
        .retained_bytes = sizeof s_retained,
        .fitted = node_fitted(),
        .reset = reset,
        .clock = node_clock_at_start(reset),
        .random = random_number,
        .console_read = console_read,
        .feed_watchdog = feed_watchdog,
        .log = log_event,
    };
    while (app_start(&s_app, &p) != 0) { /* no provisioning record: wait to be flashed */
        ESP_LOGE("qres", "this board is no node yet: qres flash makes it one");
        node_sleep_light(node_now_us() + NO_NODE_RETRY_US);
    }
    for (;;) {
        app_step(&s_app);
        node_update_look();
        esp_task_wdt_reset();
    }
}
