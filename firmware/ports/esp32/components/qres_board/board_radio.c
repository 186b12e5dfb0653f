/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "board_hw.h"
#include "driver/gpio.h"
#include "driver/spi_master.h"
#include "esp_attr.h"
#include "esp_task_wdt.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define SPI_HZ 4000000          /* the chip takes 16 MHz; wires on a breadboard do not */
#define TRANSFER_MAX 264        /* [bytes] three of a command and 255 of payload */
#define WORTH_SLEEPING_US 8000u /* entering and leaving light sleep takes about 1 ms */
#define NAP_MAX_US 10000000u    /* the watchdog is fed in between */
#define MOST_TICKS_US 1000000u

const board_radio_config board_radio_settings = {
#if BOARD_RADIO == 1276
    .tcxo = BOARD_TCXO_MV != 0,
    .pa_boost = 1,
#else
    .tcxo_mv = BOARD_TCXO_MV,
    .tcxo_start_us = 5000, /* Zephyr's boards with these modules: 5 ms */
    .chip = BOARD_RADIO == 1261 ? SX126X_SX1261 : SX126X_SX1262,
    .dio2_rf_switch = BOARD_DIO2_RF_SWITCH,
    .dcdc = 1,
    .rx_boost = 1,
#endif
};

static spi_device_handle_t s_device;
static uint64_t (*s_clock)(void);
static bool s_light_sleep;
static portMUX_TYPE s_lock = portMUX_INITIALIZER_UNLOCKED;
static uint64_t s_edge_us; /* uptime of the last rising edge, 0 if it was taken */
static TaskHandle_t s_waiting;
static WORD_ALIGNED_ATTR uint8_t s_out[TRANSFER_MAX], s_in[TRANSFER_MAX];

static void IRAM_ATTR on_edge(void *unused)
{
    BaseType_t woken = pdFALSE;

    (void)unused;
    portENTER_CRITICAL_ISR(&s_lock);
    s_edge_us = board_uptime_us();
    TaskHandle_t task = s_waiting;
    portEXIT_CRITICAL_ISR(&s_lock);
    if (task != NULL) {
        vTaskNotifyGiveFromISR(task, &woken);
    }
    portYIELD_FROM_ISR(woken);
}

static int transfer(void *ctx, const uint8_t *out, uint8_t *in, size_t len)
{
    (void)ctx;
    if (len == 0 || len > TRANSFER_MAX) {
        return -1;
    }
    memcpy(s_out, out, len);
    spi_transaction_t t = {.length = 8 * len, .tx_buffer = s_out, .rx_buffer = s_in};
    if (spi_device_polling_transmit(s_device, &t) != ESP_OK) {
        return -1;
    }
    memcpy(in, s_in, len);
    return 0;
}

#if BOARD_LORA_BUSY >= 0
static int busy(void *ctx)
{
    (void)ctx;
    return gpio_get_level((gpio_num_t)BOARD_LORA_BUSY);
}
#endif

static uint64_t take_edge(void)
{
    portENTER_CRITICAL(&s_lock);
    uint64_t edge_us = s_edge_us;
    s_edge_us = 0;
    portEXIT_CRITICAL(&s_lock);
    return edge_us;
}

static int wait_irq(void *ctx, uint64_t until_us, uint64_t *edge_us)
{
    (void)ctx;
    for (;;) {
        esp_task_wdt_reset();
        uint64_t now_us = s_clock();
        if (gpio_get_level((gpio_num_t)BOARD_LORA_IRQ) != 0) {
            uint64_t edge = take_edge();
            uint64_t ago = edge != 0 ? board_uptime_us() - edge : 0;
            *edge_us = now_us - ago;
            return 1;
        }
        (void)take_edge(); /* of an interrupt that has been cleared since */
        if (now_us >= until_us) {
            return 0;
        }
        uint64_t left_us = until_us - now_us;
        if (s_light_sleep && left_us > WORTH_SLEEPING_US) {
            uint64_t nap_us = left_us < NAP_MAX_US ? left_us : NAP_MAX_US;
            board_light_sleep(board_uptime_us() + nap_us, true);
        } else {
            uint64_t wait_us = left_us < MOST_TICKS_US ? left_us : MOST_TICKS_US;
            ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS((uint32_t)wait_us / 1000u) + 1);
        }
    }
}

static void reset(void *ctx, int asserted)
{
    (void)ctx;
    if (BOARD_LORA_RESET >= 0) {
        gpio_set_level((gpio_num_t)BOARD_LORA_RESET, asserted != 0 ? 0 : 1);
    }
}

static void delay_us(void *ctx, uint32_t us)
{
    (void)ctx;
    board_delay_us(us);
}

static uint64_t now_us(void *ctx)
{
    (void)ctx;
    return s_clock();
}

static void rf_switch(void *ctx, int position)
{
    (void)ctx;
    if (BOARD_LORA_RXEN >= 0) {
        gpio_set_level((gpio_num_t)BOARD_LORA_RXEN, position == RADIO_RF_RECEIVE);
    }
    if (BOARD_LORA_TXEN >= 0) {
        gpio_set_level((gpio_num_t)BOARD_LORA_TXEN, position == RADIO_RF_SEND);
    }
}

static bool start_bus(void)
{
    const spi_bus_config_t bus = {
        .mosi_io_num = BOARD_LORA_MOSI,
        .miso_io_num = BOARD_LORA_MISO,
        .sclk_io_num = BOARD_LORA_SCK,
        .quadwp_io_num = -1,
        .quadhd_io_num = -1,
        .max_transfer_sz = TRANSFER_MAX,
    };
    const spi_device_interface_config_t device = {
        .mode = 0,
        .clock_speed_hz = SPI_HZ,
        .spics_io_num = BOARD_LORA_NSS,
        .queue_size = 1,
    };
    return spi_bus_initialize(SPI2_HOST, &bus, SPI_DMA_CH_AUTO) == ESP_OK &&
           spi_bus_add_device(SPI2_HOST, &device, &s_device) == ESP_OK;
}

static bool start_pins(void)
{
    gpio_config_t in = {.pin_bit_mask = 1ULL << BOARD_LORA_IRQ,
                        .mode = GPIO_MODE_INPUT,
                        .intr_type = GPIO_INTR_POSEDGE};
    bool ok = gpio_config(&in) == ESP_OK;

#if BOARD_LORA_BUSY >= 0
    in.pin_bit_mask = 1ULL << BOARD_LORA_BUSY;
    in.intr_type = GPIO_INTR_DISABLE;
    ok = ok && gpio_config(&in) == ESP_OK;
    gpio_sleep_sel_dis((gpio_num_t)BOARD_LORA_BUSY);
#endif
#if BOARD_LORA_RESET >= 0
    const gpio_config_t out = {.pin_bit_mask = 1ULL << BOARD_LORA_RESET, .mode = GPIO_MODE_OUTPUT_OD};
    gpio_set_level((gpio_num_t)BOARD_LORA_RESET, 1); /* released: the chip pulls it up (8.1) */
    ok = ok && gpio_config(&out) == ESP_OK;
    gpio_sleep_sel_dis((gpio_num_t)BOARD_LORA_RESET);
#endif
    gpio_sleep_sel_dis((gpio_num_t)BOARD_LORA_IRQ);
    gpio_sleep_sel_dis((gpio_num_t)BOARD_LORA_NSS); /* a floating select wakes the chip */
    return ok && board_start_interrupts() &&
           gpio_isr_handler_add((gpio_num_t)BOARD_LORA_IRQ, on_edge, NULL) == ESP_OK;
}

const radio_io *board_radio_io(uint64_t (*clock)(void), bool light_sleep)
{
    static const radio_io io = {
        .transfer = transfer,
#if BOARD_LORA_BUSY >= 0
        .busy = busy,
#endif
        .wait_irq = wait_irq,
        .reset = reset,
        .delay_us = delay_us,
        .now_us = now_us,
        .rf_switch = rf_switch,
    };

    s_clock = clock;
    s_light_sleep = light_sleep;
    s_waiting = xTaskGetCurrentTaskHandle();
    if (s_device != NULL) {
        return &io;
    }
    return start_bus() && start_pins() ? &io : NULL;
}
