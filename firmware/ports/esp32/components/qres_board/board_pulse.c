/* SPDX-License-Identifier: Apache-2.0 */
/* Pulse counters, and light sleep, which they must be able to interrupt. */
#include <string.h>

#include "board_hw.h"
#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_intr_alloc.h"
#include "esp_sleep.h"
#include "freertos/FreeRTOS.h"

static const DRAM_ATTR uint32_t s_debounce_us[BOARD_GAUGES] = {KIT_WIND_DEBOUNCE_US, KIT_RAIN_DEBOUNCE_US};
static const DRAM_ATTR int s_pin[BOARD_GAUGES] = {BOARD_WIND, BOARD_RAIN};

#define MARK 0x51504c53u /* "QPLS" */

static RTC_NOINIT_ATTR struct {
    uint32_t mark, inverse;
    pulse of[BOARD_GAUGES];
} s_kept;
static portMUX_TYPE s_lock = portMUX_INITIALIZER_UNLOCKED;

bool board_pulse_present(int gauge)
{
    return s_pin[gauge] >= 0;
}

bool board_start_interrupts(void)
{
    esp_err_t err = gpio_install_isr_service(ESP_INTR_FLAG_IRAM);

    return err == ESP_OK || err == ESP_ERR_INVALID_STATE; /* installed already */
}

/* pulse_level and gpio_get_level are in IRAM, too: qres_sensors/pulse.lf, sdkconfig.defaults */
static void IRAM_ATTR on_change(void *which)
{
    int gauge = (int)(intptr_t)which;
    int closed = gpio_get_level((gpio_num_t)s_pin[gauge]) == 0;

    portENTER_CRITICAL_ISR(&s_lock);
    pulse_level(&s_kept.of[gauge], closed, board_uptime_us(), s_debounce_us[gauge]);
    portEXIT_CRITICAL_ISR(&s_lock);
}

void board_pulse_look(void)
{
    for (int i = 0; i < BOARD_GAUGES; i++) {
        if (s_pin[i] >= 0) {
            int closed = gpio_get_level((gpio_num_t)s_pin[i]) == 0;
            portENTER_CRITICAL(&s_lock);
            pulse_level(&s_kept.of[i], closed, board_uptime_us(), s_debounce_us[i]);
            portEXIT_CRITICAL(&s_lock);
        }
    }
}

void board_pulse_start(bool memory_is_valid)
{
    if (!memory_is_valid || s_kept.mark != MARK || s_kept.inverse != ~MARK) {
        memset(&s_kept, 0, sizeof s_kept);
        s_kept.mark = MARK;
        s_kept.inverse = ~MARK;
    }
    for (int i = 0; i < BOARD_GAUGES; i++) {
        s_kept.of[i].open_us = 0; /* of another uptime: the next closure would look like a bounce */
        s_kept.of[i].closed_us = 0;
    }
    (void)board_start_interrupts(); /* board_radio_io does it again, and says so if it fails */
    for (int i = 0; i < BOARD_GAUGES; i++) {
        if (s_pin[i] >= 0) {
            const gpio_config_t config = {
                .pin_bit_mask = 1ULL << s_pin[i],
                .mode = GPIO_MODE_INPUT,
                .pull_up_en = GPIO_PULLUP_DISABLE, /* 100 kOhm outside: a closed contact costs 33 uA */
                .intr_type = GPIO_INTR_ANYEDGE,
            };
            gpio_config(&config);
            gpio_sleep_sel_dis((gpio_num_t)s_pin[i]);
            gpio_isr_handler_add((gpio_num_t)s_pin[i], on_change, (void *)(intptr_t)i);
        }
    }
    board_pulse_look();
}

uint32_t board_pulse_count(int gauge)
{
    portENTER_CRITICAL(&s_lock);
    uint32_t count = s_kept.of[gauge].count;
    portEXIT_CRITICAL(&s_lock);
    return count;
}

void board_pulse_arm(void)
{
    for (int i = 0; i < BOARD_GAUGES; i++) {
        if (s_pin[i] >= 0) {
            gpio_num_t pin = (gpio_num_t)s_pin[i];
            gpio_intr_disable(pin); /* a level interrupt would fire for ever */
            gpio_wakeup_enable(pin, s_kept.of[i].closed != 0 ? GPIO_INTR_HIGH_LEVEL
                                                           : GPIO_INTR_LOW_LEVEL);
        }
    }
}

void board_pulse_disarm(void)
{
    for (int i = 0; i < BOARD_GAUGES; i++) {
        if (s_pin[i] >= 0) {
            gpio_num_t pin = (gpio_num_t)s_pin[i];
            gpio_wakeup_disable(pin);
            gpio_set_intr_type(pin, GPIO_INTR_ANYEDGE);
            gpio_intr_enable(pin);
        }
    }
    board_pulse_look();
}

void board_light_sleep(uint64_t until_us, bool radio)
{
    gpio_num_t irq = (gpio_num_t)BOARD_LORA_IRQ;
    uint64_t now_us = board_uptime_us();

    if (until_us <= now_us) {
        return;
    }
    board_pulse_look();
    board_pulse_arm();
    if (radio) {
        gpio_intr_disable(irq);
        gpio_wakeup_enable(irq, GPIO_INTR_HIGH_LEVEL);
    }
    esp_sleep_enable_timer_wakeup(until_us - now_us);
    esp_sleep_enable_gpio_wakeup();
    esp_light_sleep_start(); /* refused if a source is already active: the caller looks again */
    esp_sleep_disable_wakeup_source(ESP_SLEEP_WAKEUP_ALL);
    if (radio) {
        gpio_wakeup_disable(irq);
        gpio_set_intr_type(irq, GPIO_INTR_POSEDGE);
        gpio_intr_enable(irq);
    }
    board_pulse_disarm();
}
