/* SPDX-License-Identifier: Apache-2.0 */
#include "analog.h"
#include "axp.h"
#include "board_hw.h"
#include "driver/gpio.h"
#include "esp_adc/adc_cali.h"
#include "esp_adc/adc_cali_scheme.h"
#include "esp_adc/adc_oneshot.h"

#define DIVIDER_SETTLE_US 10000u /* 390 kOhm into the sample capacitor: not measured on hardware */

static adc_oneshot_unit_handle_t s_unit;

static bool start_unit(void)
{
    const adc_oneshot_unit_init_cfg_t config = {.unit_id = ADC_UNIT_1};

    return s_unit != NULL || adc_oneshot_new_unit(&config, &s_unit) == ESP_OK;
}

static bool calibration_of(adc_channel_t channel, adc_cali_handle_t *handle)
{
#if ADC_CALI_SCHEME_CURVE_FITTING_SUPPORTED
    const adc_cali_curve_fitting_config_t config = {
        .unit_id = ADC_UNIT_1, .chan = channel, .atten = ADC_ATTEN_DB_12,
        .bitwidth = ADC_BITWIDTH_DEFAULT};
    return adc_cali_create_scheme_curve_fitting(&config, handle) == ESP_OK;
#else
    const adc_cali_line_fitting_config_t config = {
        .unit_id = ADC_UNIT_1, .atten = ADC_ATTEN_DB_12, .bitwidth = ADC_BITWIDTH_DEFAULT};
    (void)channel;
    return adc_cali_create_scheme_line_fitting(&config, handle) == ESP_OK;
#endif
}

static void forget(adc_cali_handle_t handle)
{
#if ADC_CALI_SCHEME_CURVE_FITTING_SUPPORTED
    adc_cali_delete_scheme_curve_fitting(handle);
#else
    adc_cali_delete_scheme_line_fitting(handle);
#endif
}

int32_t board_analog_mv(int gpio)
{
    const adc_oneshot_chan_cfg_t config = {.atten = ADC_ATTEN_DB_12,
                                           .bitwidth = ADC_BITWIDTH_DEFAULT};
    uint16_t samples[ANALOG_SAMPLES_MAX];
    adc_cali_handle_t calibration;
    adc_channel_t channel;
    adc_unit_t unit;

    if (gpio < 0 || adc_oneshot_io_to_channel(gpio, &unit, &channel) != ESP_OK ||
        unit != ADC_UNIT_1 || !start_unit() ||
        adc_oneshot_config_channel(s_unit, channel, &config) != ESP_OK ||
        !calibration_of(channel, &calibration)) {
        return -1;
    }
    size_t n = 0;
    for (int i = 0; i < ANALOG_SAMPLES_MAX; i++) {
        int raw = 0, mv = 0;
        if (adc_oneshot_read(s_unit, channel, &raw) == ESP_OK &&
            adc_cali_raw_to_voltage(calibration, raw, &mv) == ESP_OK && mv >= 0) {
            samples[n++] = (uint16_t)mv;
        }
    }
    forget(calibration);
    return n > 0 ? analog_median(samples, n) : -1;
}

#if BOARD_BATTERY_CONTROL >= 0
/* The level that connects the divider is the opposite of the one that the pin rests at. */
static int rest_level(void)
{
    static int level = -1;

    if (level < 0) {
        const gpio_config_t in = {.pin_bit_mask = 1ULL << BOARD_BATTERY_CONTROL,
                                  .mode = GPIO_MODE_INPUT};
        const gpio_config_t out = {.pin_bit_mask = 1ULL << BOARD_BATTERY_CONTROL,
                                   .mode = GPIO_MODE_OUTPUT};
        gpio_config(&in);
        level = gpio_get_level((gpio_num_t)BOARD_BATTERY_CONTROL);
        gpio_set_level((gpio_num_t)BOARD_BATTERY_CONTROL, (uint32_t)level);
        gpio_config(&out);
    }
    return level;
}
#endif

int32_t board_battery_mv(void)
{
    if (BOARD_PMU != 0) {
        const i2c_io *bus = board_i2c();
        return bus != NULL ? axp_battery_mv(bus) : -1;
    }
#if BOARD_BATTERY_ADC >= 0
#if BOARD_BATTERY_CONTROL >= 0
    gpio_num_t control = (gpio_num_t)BOARD_BATTERY_CONTROL;
    uint32_t rest = (uint32_t)rest_level();
    gpio_set_level(control, rest == 0 ? 1 : 0);
    board_delay_us(DIVIDER_SETTLE_US);
#endif
    int32_t mv = board_analog_mv(BOARD_BATTERY_ADC);
#if BOARD_BATTERY_CONTROL >= 0
    gpio_set_level(control, rest);
#endif
    return mv < 0 ? -1 : (int32_t)((int64_t)mv * BOARD_BATTERY_SCALE_1E4 / 10000);
#else
    return -1;
#endif
}
