/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Light sleep keeps RAM and counts pulses. Deep sleep keeps RTC memory only: it wakes at its time
 * and at a tip of the rain gauge. The radio sleeps meanwhile: its interrupt wakes nobody.
 */
#include "board_hw.h"
#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_idf_version.h"
#include "esp_sleep.h"
#include "esp_task_wdt.h"
#include "hal/gpio_types.h"
#include "node.h"
#include "soc/soc_caps.h"

#define NAP_MAX_US 20000000u /* the watchdog is fed in between */
#define TOO_SHORT_US 3000u   /* entering and leaving light sleep takes about 1 ms */
#define MARK 0x51534c50u     /* "QSLP" */

static RTC_NOINIT_ATTR struct {
    uint32_t mark;
    uint64_t until_us; /* end of the deep sleep that was asked for */
} s_deep;

void node_sleep_light(uint64_t until_us)
{
    uint64_t now_us = node_now_us();

    esp_task_wdt_reset();
    if (until_us <= now_us) {
        return;
    }
    uint64_t left_us = until_us - now_us;
    if (left_us < TOO_SHORT_US) {
        board_delay_us((uint32_t)left_us);
        return;
    }
    board_light_sleep(board_uptime_us() + (left_us < NAP_MAX_US ? left_us : NAP_MAX_US), false);
    esp_task_wdt_reset();
}

/* The pin ends the sleep when its level is `high`. */
static void arm_pin(int pin, bool high)
{
#if SOC_PM_SUPPORT_EXT1_WAKEUP
#if CONFIG_IDF_TARGET_ESP32
    const esp_sleep_ext1_wakeup_mode_t low = ESP_EXT1_WAKEUP_ALL_LOW;
#else
    const esp_sleep_ext1_wakeup_mode_t low = ESP_EXT1_WAKEUP_ANY_LOW;
#endif
    esp_sleep_enable_ext1_wakeup_io(1ULL << pin, high ? ESP_EXT1_WAKEUP_ANY_HIGH : low);
#elif ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(6, 0, 0)
    esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown(
        1ULL << pin, high ? ESP_GPIO_WAKEUP_GPIO_HIGH : ESP_GPIO_WAKEUP_GPIO_LOW);
#else
    esp_deep_sleep_enable_gpio_wakeup(1ULL << pin,
                                      high ? ESP_GPIO_WAKEUP_GPIO_HIGH : ESP_GPIO_WAKEUP_GPIO_LOW);
#endif
}

static bool can_wake(int pin)
{
    return pin >= 0 && esp_sleep_is_valid_wakeup_gpio((gpio_num_t)pin);
}

/*
 * The radio's select high and held through deep sleep and the reset after it: a floating one would
 * wake the radio, 1.6 mA. Driven by the pin itself, as the SPI peripheral is off in deep sleep.
 */
static void deselect_radio(void)
{
    const gpio_config_t out = {.pin_bit_mask = 1ULL << BOARD_LORA_NSS, .mode = GPIO_MODE_OUTPUT};

    gpio_set_level((gpio_num_t)BOARD_LORA_NSS, 1);
    gpio_config(&out);
}

static void sleep_deep(uint64_t until_us)
{
    uint64_t now_us = node_now_us();

    if (until_us <= now_us) {
        return;
    }
    board_pulse_look();
    s_deep.mark = MARK;
    s_deep.until_us = until_us;
    if (can_wake(BOARD_RAIN)) { /* at its other level: a contact that rests closed counts on, too */
        arm_pin(BOARD_RAIN, gpio_get_level((gpio_num_t)BOARD_RAIN) == 0);
    }
    deselect_radio();
    gpio_hold_en((gpio_num_t)BOARD_LORA_NSS);
#if !SOC_GPIO_SUPPORT_HOLD_SINGLE_IO_IN_DSLP
    gpio_deep_sleep_hold_en();
#endif
    esp_sleep_enable_timer_wakeup(until_us - now_us);
    esp_deep_sleep_start();
}

void node_sleep_deep(uint64_t until_us)
{
    node_clock_before_deep_sleep();
    sleep_deep(until_us);
}

void node_sleep_resume(port_reset reset)
{
    bool is_ours = reset == PORT_RESET_DEEP_SLEEP && s_deep.mark == MARK;
    s_deep.mark = 0;
    if (is_ours && node_now_us() < s_deep.until_us) {
        sleep_deep(s_deep.until_us); /* the gauge has been looked at: the same sleep goes on */
    }
    deselect_radio();
#if !SOC_GPIO_SUPPORT_HOLD_SINGLE_IO_IN_DSLP
    gpio_deep_sleep_hold_dis();
#endif
    gpio_hold_dis((gpio_num_t)BOARD_LORA_NSS);
}
