/* SPDX-License-Identifier: Apache-2.0 */
#include "axp.h"
#include "board_hw.h"
#include "driver/gpio.h"

#define PMU_SETTLE_US 20000u /* rail and TCXO of the radio: not measured on hardware */
#define RAIL_SETTLE_US 5000u

static void drive(int pin, int level)
{
    const gpio_config_t config = {.pin_bit_mask = 1ULL << pin, .mode = GPIO_MODE_OUTPUT};

    gpio_set_level((gpio_num_t)pin, (uint32_t)level);
    gpio_config(&config);
    gpio_sleep_sel_dis((gpio_num_t)pin); /* keep the level in light sleep */
}

void board_power_start(void)
{
    if (BOARD_SENSOR_POWER >= 0) {
        drive(BOARD_SENSOR_POWER, !BOARD_SENSOR_POWER_ACTIVE);
    }
    if (BOARD_LORA_POWER >= 0) {
        drive(BOARD_LORA_POWER, BOARD_LORA_POWER_ACTIVE);
        board_delay_us(RAIL_SETTLE_US);
    }
    if (BOARD_LORA_RXEN >= 0) {
        drive(BOARD_LORA_RXEN, 0);
    }
    if (BOARD_LORA_TXEN >= 0) {
        drive(BOARD_LORA_TXEN, 0);
    }
    if (BOARD_PMU != 0) {
        const i2c_io *bus = board_i2c();
        /* without its rail the radio does not answer, which radio_start then says */
        if (bus != NULL && axp_feed_radio(bus) == 0) {
            board_delay_us(PMU_SETTLE_US);
        }
    }
}

void board_sensor_power(bool on)
{
    if (BOARD_SENSOR_POWER >= 0) {
        gpio_set_level((gpio_num_t)BOARD_SENSOR_POWER,
                       on ? BOARD_SENSOR_POWER_ACTIVE : !BOARD_SENSOR_POWER_ACTIVE);
        if (on) {
            board_delay_us(RAIL_SETTLE_US);
        }
    }
}
