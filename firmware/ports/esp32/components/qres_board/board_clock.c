/* SPDX-License-Identifier: Apache-2.0 */
#include "board_hw.h"
#include "esp_attr.h"
#include "esp_rom_sys.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define SPIN_MAX_US 2000u /* below it the CPU waits itself: a tick is 1 ms */

uint64_t IRAM_ATTR board_uptime_us(void) /* interrupts call it */
{
    return (uint64_t)esp_timer_get_time();
}

void board_delay_us(uint32_t us)
{
    uint64_t until = board_uptime_us() + us;

    if (us > SPIN_MAX_US) {
        vTaskDelay(pdMS_TO_TICKS((us - 1000u) / 1000u));
    }
    uint64_t now = board_uptime_us();
    if (now < until) {
        esp_rom_delay_us((uint32_t)(until - now));
    }
}
