/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of ESP-IDF's interface that firmware/ports/esp32 uses, for compiling and running it on
 * the host. Signatures are those of ESP-IDF 5.4 to 6.0 (components' public headers); every
 * header that the port includes is this one. The behaviour is in idf.c.
 */
#ifndef FAKE_IDF_H
#define FAKE_IDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;
enum { ESP_OK = 0, ESP_FAIL = -1, ESP_ERR_INVALID_STATE = 0x103 };

#define ESP_IDF_VERSION_VAL(a, b, c) ((a) << 16 | (b) << 8 | (c))
#ifndef ESP_IDF_VERSION
#define ESP_IDF_VERSION ESP_IDF_VERSION_VAL(6, 0, 2)
#endif
#define RTC_NOINIT_ATTR __attribute__((section("rtc_noinit")))
/* sections of their own, so that idf.c can tell what lies where */
#define IRAM_ATTR __attribute__((section("iram"), noinline))
#define DRAM_ATTR
#define ESP_INTR_FLAG_IRAM (1 << 10)
#define WORD_ALIGNED_ATTR __attribute__((aligned(4)))

/* soc_caps.h, by target */
#if defined(CONFIG_IDF_TARGET_ESP32C3)
#define SOC_PM_SUPPORT_EXT1_WAKEUP 0
#else
#define SOC_PM_SUPPORT_EXT1_WAKEUP 1
#endif
#if defined(CONFIG_IDF_TARGET_ESP32)
#define SOC_USB_SERIAL_JTAG_SUPPORTED 0
#define ADC_CALI_SCHEME_CURVE_FITTING_SUPPORTED 0
#else
#define SOC_USB_SERIAL_JTAG_SUPPORTED 1
#define ADC_CALI_SCHEME_CURVE_FITTING_SUPPORTED 1
#endif
#if defined(CONFIG_IDF_TARGET_ESP32C6)
#define SOC_GPIO_SUPPORT_HOLD_SINGLE_IO_IN_DSLP 1
#else
#define SOC_GPIO_SUPPORT_HOLD_SINGLE_IO_IN_DSLP 0
#endif

/* freertos */
typedef int BaseType_t;
typedef uint32_t TickType_t;
typedef void *TaskHandle_t;
typedef struct { int unused; } portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED {0}
#define pdTRUE 1
#define pdFALSE 0
#define pdMS_TO_TICKS(ms) ((TickType_t)(ms))
#define portENTER_CRITICAL(lock) ((void)(lock))
#define portEXIT_CRITICAL(lock) ((void)(lock))
#define portENTER_CRITICAL_ISR(lock) ((void)(lock))
#define portEXIT_CRITICAL_ISR(lock) ((void)(lock))
#define portYIELD_FROM_ISR(woken) ((void)(woken))
void vTaskDelay(TickType_t ticks);
TaskHandle_t xTaskGetCurrentTaskHandle(void);
void vTaskNotifyGiveFromISR(TaskHandle_t task, BaseType_t *woken);
uint32_t ulTaskNotifyTake(BaseType_t clear, TickType_t ticks);

/* gpio */
typedef int gpio_num_t;
typedef enum { GPIO_INTR_DISABLE, GPIO_INTR_POSEDGE, GPIO_INTR_NEGEDGE, GPIO_INTR_ANYEDGE,
               GPIO_INTR_LOW_LEVEL, GPIO_INTR_HIGH_LEVEL } gpio_int_type_t;
typedef enum { GPIO_MODE_INPUT = 1, GPIO_MODE_OUTPUT = 2, GPIO_MODE_OUTPUT_OD = 6 } gpio_mode_t;
typedef enum { GPIO_PULLUP_DISABLE, GPIO_PULLUP_ENABLE } gpio_pullup_t;
typedef enum { GPIO_PULLDOWN_DISABLE, GPIO_PULLDOWN_ENABLE } gpio_pulldown_t;
typedef struct {
    uint64_t pin_bit_mask;
    gpio_mode_t mode;
    gpio_pullup_t pull_up_en;
    gpio_pulldown_t pull_down_en;
    gpio_int_type_t intr_type;
} gpio_config_t;
typedef void (*gpio_isr_t)(void *);
esp_err_t gpio_config(const gpio_config_t *config);
esp_err_t gpio_set_level(gpio_num_t pin, uint32_t level);
int gpio_get_level(gpio_num_t pin);
esp_err_t gpio_install_isr_service(int flags);
esp_err_t gpio_isr_handler_add(gpio_num_t pin, gpio_isr_t handler, void *arg);
esp_err_t gpio_intr_enable(gpio_num_t pin);
esp_err_t gpio_intr_disable(gpio_num_t pin);
esp_err_t gpio_set_intr_type(gpio_num_t pin, gpio_int_type_t type);
esp_err_t gpio_wakeup_enable(gpio_num_t pin, gpio_int_type_t type);
esp_err_t gpio_wakeup_disable(gpio_num_t pin);
esp_err_t gpio_sleep_sel_dis(gpio_num_t pin);
esp_err_t gpio_hold_en(gpio_num_t pin);
esp_err_t gpio_hold_dis(gpio_num_t pin);
void gpio_deep_sleep_hold_en(void);
void gpio_deep_sleep_hold_dis(void);

/* sleep, time, watchdog, system */
typedef enum { ESP_EXT1_WAKEUP_ALL_LOW, ESP_EXT1_WAKEUP_ANY_HIGH,
               ESP_EXT1_WAKEUP_ANY_LOW } esp_sleep_ext1_wakeup_mode_t;
typedef enum { ESP_GPIO_WAKEUP_GPIO_LOW, ESP_GPIO_WAKEUP_GPIO_HIGH } esp_sleep_gpio_wake_up_mode_t;
typedef enum { ESP_SLEEP_WAKEUP_UNDEFINED, ESP_SLEEP_WAKEUP_ALL } esp_sleep_source_t;
esp_err_t esp_sleep_enable_timer_wakeup(uint64_t us);
esp_err_t esp_sleep_enable_gpio_wakeup(void);
esp_err_t esp_sleep_enable_ext1_wakeup_io(uint64_t mask, esp_sleep_ext1_wakeup_mode_t mode);
esp_err_t esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown(uint64_t mask,
                                                              esp_sleep_gpio_wake_up_mode_t mode);
esp_err_t esp_deep_sleep_enable_gpio_wakeup(uint64_t mask, esp_sleep_gpio_wake_up_mode_t mode);
esp_err_t esp_sleep_disable_wakeup_source(esp_sleep_source_t source);
bool esp_sleep_is_valid_wakeup_gpio(gpio_num_t pin);
esp_err_t esp_light_sleep_start(void);
void esp_deep_sleep_start(void);
int64_t esp_timer_get_time(void);
void esp_rom_delay_us(uint32_t us);
esp_err_t esp_task_wdt_add(TaskHandle_t task);
esp_err_t esp_task_wdt_reset(void);
typedef enum { ESP_RST_UNKNOWN, ESP_RST_POWERON, ESP_RST_EXT, ESP_RST_SW, ESP_RST_PANIC,
               ESP_RST_INT_WDT, ESP_RST_TASK_WDT, ESP_RST_WDT, ESP_RST_DEEPSLEEP,
               ESP_RST_BROWNOUT, ESP_RST_SDIO, ESP_RST_USB, ESP_RST_JTAG, ESP_RST_EFUSE,
               ESP_RST_PWR_GLITCH, ESP_RST_CPU_LOCKUP } esp_reset_reason_t;
esp_reset_reason_t esp_reset_reason(void);
uint32_t esp_random(void);
esp_err_t esp_efuse_mac_get_default(uint8_t *mac);
void fake_log(const char *tag, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define ESP_LOGE(tag, ...) fake_log(tag, __VA_ARGS__)
#define ESP_LOGW(tag, ...) fake_log(tag, __VA_ARGS__)
#define ESP_LOGI(tag, ...) fake_log(tag, __VA_ARGS__)

/* flash */
typedef struct { uint32_t size, erase_size; const char *label; } esp_partition_t;
enum { ESP_PARTITION_TYPE_DATA = 1, ESP_PARTITION_SUBTYPE_ANY = 0xff };
const esp_partition_t *esp_partition_find_first(int type, int subtype, const char *label);
esp_err_t esp_partition_read(const esp_partition_t *p, size_t at, void *out, size_t len);
esp_err_t esp_partition_write(const esp_partition_t *p, size_t at, const void *data, size_t len);
esp_err_t esp_partition_erase_range(const esp_partition_t *p, size_t at, size_t len);
typedef enum { ESP_OTA_IMG_NEW, ESP_OTA_IMG_PENDING_VERIFY, ESP_OTA_IMG_VALID } esp_ota_img_states_t;
const esp_partition_t *esp_ota_get_running_partition(void);
esp_err_t esp_ota_get_state_partition(const esp_partition_t *p, esp_ota_img_states_t *state);
esp_err_t esp_ota_mark_app_valid_cancel_rollback(void);

/* spi, i2c, adc, serial */
typedef struct spi_device_t *spi_device_handle_t;
typedef struct { int mosi_io_num, miso_io_num, sclk_io_num, quadwp_io_num, quadhd_io_num,
                 max_transfer_sz; } spi_bus_config_t;
typedef struct { uint8_t mode; int clock_speed_hz, spics_io_num, queue_size; } spi_device_interface_config_t;
typedef struct { size_t length; const void *tx_buffer; void *rx_buffer; } spi_transaction_t;
enum { SPI2_HOST = 1, SPI_DMA_CH_AUTO = 3 };
esp_err_t spi_bus_initialize(int host, const spi_bus_config_t *bus, int dma);
esp_err_t spi_bus_add_device(int host, const spi_device_interface_config_t *device, spi_device_handle_t *handle);
esp_err_t spi_device_polling_transmit(spi_device_handle_t device, spi_transaction_t *t);
typedef struct i2c_master_bus_t *i2c_master_bus_handle_t;
typedef struct i2c_master_dev_t *i2c_master_dev_handle_t;
enum { I2C_ADDR_BIT_LEN_7, I2C_CLK_SRC_DEFAULT };
typedef struct { int dev_addr_length; uint16_t device_address; uint32_t scl_speed_hz; } i2c_device_config_t;
typedef struct {
    int i2c_port;
    gpio_num_t sda_io_num, scl_io_num;
    int clk_source;
    uint8_t glitch_ignore_cnt;
    struct { uint32_t enable_internal_pullup : 1; } flags;
} i2c_master_bus_config_t;
esp_err_t i2c_new_master_bus(const i2c_master_bus_config_t *config, i2c_master_bus_handle_t *bus);
esp_err_t i2c_master_bus_add_device(i2c_master_bus_handle_t bus, const i2c_device_config_t *config, i2c_master_dev_handle_t *device);
esp_err_t i2c_master_transmit(i2c_master_dev_handle_t device, const uint8_t *data, size_t len, int timeout_ms);
esp_err_t i2c_master_receive(i2c_master_dev_handle_t device, uint8_t *data, size_t len, int timeout_ms);
typedef int adc_channel_t;
typedef enum { ADC_UNIT_1, ADC_UNIT_2 } adc_unit_t;
typedef void *adc_oneshot_unit_handle_t, *adc_cali_handle_t;
enum { ADC_ATTEN_DB_12 = 3, ADC_BITWIDTH_DEFAULT = 0 };
typedef struct { adc_unit_t unit_id; } adc_oneshot_unit_init_cfg_t;
typedef struct { int atten, bitwidth; } adc_oneshot_chan_cfg_t;
typedef struct { adc_unit_t unit_id; adc_channel_t chan; int atten, bitwidth; } adc_cali_curve_fitting_config_t;
typedef struct { adc_unit_t unit_id; int atten, bitwidth; } adc_cali_line_fitting_config_t;
esp_err_t adc_oneshot_io_to_channel(int pin, adc_unit_t *unit, adc_channel_t *channel);
esp_err_t adc_oneshot_new_unit(const adc_oneshot_unit_init_cfg_t *config, adc_oneshot_unit_handle_t *unit);
esp_err_t adc_oneshot_config_channel(adc_oneshot_unit_handle_t unit, adc_channel_t channel, const adc_oneshot_chan_cfg_t *config);
esp_err_t adc_oneshot_read(adc_oneshot_unit_handle_t unit, adc_channel_t channel, int *raw);
esp_err_t adc_cali_raw_to_voltage(adc_cali_handle_t handle, int raw, int *mv);
esp_err_t adc_cali_create_scheme_curve_fitting(const adc_cali_curve_fitting_config_t *c, adc_cali_handle_t *handle);
esp_err_t adc_cali_delete_scheme_curve_fitting(adc_cali_handle_t handle);
esp_err_t adc_cali_create_scheme_line_fitting(const adc_cali_line_fitting_config_t *c, adc_cali_handle_t *handle);
esp_err_t adc_cali_delete_scheme_line_fitting(adc_cali_handle_t handle);
typedef struct { int baud_rate, data_bits, parity, stop_bits, flow_ctrl, source_clk; } uart_config_t;
enum { UART_NUM_0, UART_DATA_8_BITS = 3, UART_PARITY_DISABLE = 0, UART_STOP_BITS_1 = 1,
       UART_HW_FLOWCTRL_DISABLE = 0, UART_SCLK_DEFAULT = 0 };
typedef int uart_dev_t;
#define UART_LL_GET_HW(num) ((uart_dev_t *)NULL)
uint32_t uart_ll_get_rxfifo_len(uart_dev_t *hw);
void uart_ll_read_rxfifo(uart_dev_t *hw, uint8_t *buf, uint32_t rd_len);
int usb_serial_jtag_ll_read_rxfifo(uint8_t *buf, uint32_t rd_len);
esp_err_t uart_param_config(int uart, const uart_config_t *config);
esp_err_t uart_driver_install(int uart, int rx, int tx, int queue_size, void *queue, int flags);
esp_err_t uart_get_tx_buffer_free_size(int uart, size_t *room);
int uart_write_bytes(int uart, const void *data, size_t len);
typedef struct { uint32_t tx_buffer_size, rx_buffer_size; } usb_serial_jtag_driver_config_t;
esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config);
int usb_serial_jtag_write_bytes(const void *data, size_t len, TickType_t ticks);

#endif /* FAKE_IDF_H */
