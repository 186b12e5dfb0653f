/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board in a few arrays: pins that the test sets, time that only waiting moves, a flash without
 * wear, buses on which nobody answers. What is asked of it is kept for the test in `fake`.
 */
#define _DEFAULT_SOURCE
#include <string.h>
#include <sys/time.h>

#include "idf.h"
#include "fake.h"

fake_board fake;

static struct {
    gpio_isr_t handler;
    void *arg;
    gpio_int_type_t type, wake;
    int enabled, wakes;
} pin[64];

void fake_start(void)
{
    memset(&fake, 0, sizeof fake);
    memset(pin, 0, sizeof pin);
    memset(fake.level, 1, sizeof fake.level);
    memset(fake.flash, 0xff, sizeof fake.flash);
    fake.uptime_us = 1000;
}

/* bounds of the sections that idf.h's attributes name, by the linker */
extern uint8_t __start_rtc_noinit[], __stop_rtc_noinit[];
extern const char __start_iram[], __stop_iram[];

void fake_lose_rtc(void)
{
    memset(__start_rtc_noinit, 0x5a, (size_t)(__stop_rtc_noinit - __start_rtc_noinit));
}

void fake_set_pin(int n, int level)
{
    int before = fake.level[n];
    fake.level[n] = (uint8_t)level;
    int fires = (pin[n].type == GPIO_INTR_ANYEDGE && before != level) ||
                (pin[n].type == GPIO_INTR_POSEDGE && before == 0 && level == 1);
    if (fires && pin[n].enabled && pin[n].handler != NULL) {
        pin[n].handler(pin[n].arg);
    }
}

void fake_plan(uint64_t at_us, int n, int level)
{
    fake.plan[fake.planned++] = (fake_change){at_us, n, level};
}

/* Time goes on to `until`, with the changes that are planned on the way. */
static void pass(uint64_t until)
{
    while (fake.plan_at < fake.planned && fake.plan[fake.plan_at].at_us <= until) {
        fake_change c = fake.plan[fake.plan_at++];
        fake.uptime_us = c.at_us > fake.uptime_us ? c.at_us : fake.uptime_us;
        fake_set_pin(c.pin, c.level);
    }
    fake.uptime_us = until > fake.uptime_us ? until : fake.uptime_us;
}

static int wanted(void)
{
    for (int n = 0; n < 64; n++) {
        if (pin[n].wakes && (fake.level[n] != 0) == (pin[n].wake == GPIO_INTR_HIGH_LEVEL)) {
            return 1;
        }
    }
    return 0;
}

esp_err_t esp_light_sleep_start(void)
{
    uint64_t end = fake.uptime_us + fake.timer_us;
    fake.naps++;
    while (!wanted() && fake.uptime_us < end) {
        int next = fake.plan_at < fake.planned && fake.plan[fake.plan_at].at_us <= end;
        pass(next ? fake.plan[fake.plan_at].at_us : end);
    }
    return ESP_OK;
}

void vTaskDelay(TickType_t ticks) { pass(fake.uptime_us + 1000u * ticks); }
TaskHandle_t xTaskGetCurrentTaskHandle(void) { return &fake; }
void vTaskNotifyGiveFromISR(TaskHandle_t t, BaseType_t *w) { (void)t; *w = 1; fake.notified = 1; }
uint32_t ulTaskNotifyTake(BaseType_t c, TickType_t ticks)
{
    uint64_t end = fake.uptime_us + 1000u * ticks;
    (void)c;
    while (!fake.notified && fake.uptime_us < end) {
        int next = fake.plan_at < fake.planned && fake.plan[fake.plan_at].at_us <= end;
        pass(next ? fake.plan[fake.plan_at].at_us : end);
    }
    fake.notified = 0;
    return 0;
}
void esp_rom_delay_us(uint32_t us) { pass(fake.uptime_us + us); }
int64_t esp_timer_get_time(void) { return (int64_t)fake.uptime_us; }

esp_err_t gpio_config(const gpio_config_t *c)
{
    for (int n = 0; n < 64; n++) {
        if ((c->pin_bit_mask >> n & 1u) != 0) {
            pin[n].type = c->intr_type;
            pin[n].enabled = c->intr_type != GPIO_INTR_DISABLE;
            fake.mode[n] = (uint8_t)c->mode;
            fake.pull_up[n] = (uint8_t)c->pull_up_en;
        }
    }
    return ESP_OK;
}
esp_err_t gpio_set_level(gpio_num_t n, uint32_t level) { fake.level[n] = (uint8_t)level; return ESP_OK; }
int gpio_get_level(gpio_num_t n) { return fake.level[n]; }
esp_err_t gpio_install_isr_service(int f) { fake.isr_flags = f; return fake.isr_service++ ? ESP_ERR_INVALID_STATE : ESP_OK; }
esp_err_t gpio_isr_handler_add(gpio_num_t n, gpio_isr_t h, void *a) 
{
    uintptr_t at = (uintptr_t)h;
    pin[n].handler = h;
    pin[n].arg = a;
    fake.handlers_in_iram += at >= (uintptr_t)__start_iram && at < (uintptr_t)__stop_iram;
    return ESP_OK;
}
esp_err_t gpio_intr_enable(gpio_num_t n) { pin[n].enabled = 1; return ESP_OK; }
esp_err_t gpio_intr_disable(gpio_num_t n) { pin[n].enabled = 0; return ESP_OK; }
esp_err_t gpio_set_intr_type(gpio_num_t n, gpio_int_type_t t) { pin[n].type = t; return ESP_OK; }
esp_err_t gpio_wakeup_enable(gpio_num_t n, gpio_int_type_t t) { pin[n].wake = t; pin[n].type = t; pin[n].wakes = 1; return ESP_OK; }
esp_err_t gpio_wakeup_disable(gpio_num_t n) { pin[n].wakes = 0; return ESP_OK; }
esp_err_t gpio_sleep_sel_dis(gpio_num_t n) { (void)n; return ESP_OK; }
esp_err_t gpio_hold_en(gpio_num_t n) { fake.held = n; return ESP_OK; }
esp_err_t gpio_hold_dis(gpio_num_t n) { (void)n; fake.held = -1; fake.released++; return ESP_OK; }
void gpio_deep_sleep_hold_en(void) {}
void gpio_deep_sleep_hold_dis(void) {}

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t us) { fake.timer_us = us; return ESP_OK; }
esp_err_t esp_sleep_enable_gpio_wakeup(void) { return ESP_OK; }
esp_err_t esp_sleep_enable_ext1_wakeup_io(uint64_t m, esp_sleep_ext1_wakeup_mode_t mode) { fake.wake_mask = m; fake.wake_high = mode == ESP_EXT1_WAKEUP_ANY_HIGH; return ESP_OK; }
esp_err_t esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown(uint64_t m, esp_sleep_gpio_wake_up_mode_t mode) { fake.wake_mask = m; fake.wake_high = mode == ESP_GPIO_WAKEUP_GPIO_HIGH; return ESP_OK; }
esp_err_t esp_deep_sleep_enable_gpio_wakeup(uint64_t m, esp_sleep_gpio_wake_up_mode_t mode) { return esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown(m, mode); }
esp_err_t esp_sleep_disable_wakeup_source(esp_sleep_source_t s) { (void)s; return ESP_OK; }
bool esp_sleep_is_valid_wakeup_gpio(gpio_num_t n) { return n < 22; }
void esp_deep_sleep_start(void) { fake.deep_sleeps++; fake.released_by_sleep = fake.released; } /* returns: the test goes on */
esp_err_t esp_task_wdt_add(TaskHandle_t t) { (void)t; return ESP_OK; }
esp_err_t esp_task_wdt_reset(void) { fake.fed++; fake.fed_us = fake.uptime_us; return ESP_OK; }
esp_reset_reason_t esp_reset_reason(void) { return (esp_reset_reason_t)fake.reset; }
uint32_t esp_random(void) { return 4; }
esp_err_t esp_efuse_mac_get_default(uint8_t *mac) { memcpy(mac, "\x34\x85\x18\x01\x02\x03", 6); return ESP_OK; }
void fake_log(const char *tag, const char *format, ...) { (void)tag; (void)format; fake.logged++; }

/* one clock under both: Unix time is uptime and an offset */
int fake_gettimeofday(struct timeval *tv, void *zone)
{
    uint64_t now = fake.uptime_us + fake.unix_offset_us;
    (void)zone;
    tv->tv_sec = (time_t)(now / 1000000u);
    tv->tv_usec = (suseconds_t)(now % 1000000u);
    return 0;
}
int fake_settimeofday(const struct timeval *tv, const struct timezone *zone)
{
    (void)zone;
    fake.unix_offset_us = (uint64_t)tv->tv_sec * 1000000u + (uint64_t)tv->tv_usec - fake.uptime_us;
    return 0;
}

static const esp_partition_t state = {sizeof fake.flash, 4096, "state"};
const esp_partition_t *esp_partition_find_first(int t, int s, const char *label) { (void)t; (void)s; return strcmp(label, "state") == 0 ? &state : NULL; }
static int outside(size_t at, size_t len) { return at > sizeof fake.flash || len > sizeof fake.flash - at; }
esp_err_t esp_partition_read(const esp_partition_t *p, size_t at, void *out, size_t len) { (void)p; if (outside(at, len)) return ESP_FAIL; memcpy(out, fake.flash + at, len); return ESP_OK; }
esp_err_t esp_partition_write(const esp_partition_t *p, size_t at, const void *data, size_t len)
{
    (void)p;
    if (outside(at, len)) return ESP_FAIL;
    for (size_t i = 0; i < len; i++) fake.flash[at + i] &= ((const uint8_t *)data)[i];
    return ESP_OK;
}
esp_err_t esp_partition_erase_range(const esp_partition_t *p, size_t at, size_t len) { (void)p; if (outside(at, len) || at % 4096 || len % 4096) return ESP_FAIL; memset(fake.flash + at, 0xff, len); return ESP_OK; }
const esp_partition_t *esp_ota_get_running_partition(void) { return &state; }
esp_err_t esp_ota_get_state_partition(const esp_partition_t *p, esp_ota_img_states_t *s) { (void)p; *s = fake.ota_pending ? ESP_OTA_IMG_PENDING_VERIFY : ESP_OTA_IMG_VALID; return ESP_OK; }
esp_err_t esp_ota_mark_app_valid_cancel_rollback(void) { fake.ota_pending = 0; fake.confirmed++; return ESP_OK; }

/* a dead radio: MISO is low; the bus itself works */
static int some;
esp_err_t spi_bus_initialize(int h, const spi_bus_config_t *b, int d) { (void)h; (void)b; (void)d; return ESP_OK; }
esp_err_t spi_bus_add_device(int h, const spi_device_interface_config_t *d, spi_device_handle_t *out) { (void)h; (void)d; *out = (spi_device_handle_t)(void *)&some; return ESP_OK; }
esp_err_t spi_device_polling_transmit(spi_device_handle_t d, spi_transaction_t *t) { (void)d; fake.spi++; memset(t->rx_buffer, 0, t->length / 8); return ESP_OK; }
esp_err_t i2c_new_master_bus(const i2c_master_bus_config_t *c, i2c_master_bus_handle_t *b) { (void)c; *b = (i2c_master_bus_handle_t)(void *)&some; return ESP_OK; }
esp_err_t i2c_master_bus_add_device(i2c_master_bus_handle_t b, const i2c_device_config_t *c, i2c_master_dev_handle_t *d) { (void)b; (void)c; *d = (i2c_master_dev_handle_t)(void *)&some; return ESP_OK; }
esp_err_t i2c_master_transmit(i2c_master_dev_handle_t d, const uint8_t *p, size_t n, int ms) { (void)d; (void)p; (void)n; (void)ms; return ESP_FAIL; }
esp_err_t i2c_master_receive(i2c_master_dev_handle_t d, uint8_t *p, size_t n, int ms) { (void)d; (void)p; (void)n; (void)ms; return ESP_FAIL; }
esp_err_t adc_oneshot_io_to_channel(int n, adc_unit_t *u, adc_channel_t *c) { *u = ADC_UNIT_1; *c = n; return ESP_OK; }
esp_err_t adc_oneshot_new_unit(const adc_oneshot_unit_init_cfg_t *c, adc_oneshot_unit_handle_t *u) { (void)c; *u = &some; return ESP_OK; }
esp_err_t adc_oneshot_config_channel(adc_oneshot_unit_handle_t u, adc_channel_t c, const adc_oneshot_chan_cfg_t *k) { (void)u; (void)c; (void)k; return ESP_OK; }
esp_err_t adc_oneshot_read(adc_oneshot_unit_handle_t u, adc_channel_t c, int *raw) { (void)u; *raw = fake.mv[c]; return ESP_OK; }
esp_err_t adc_cali_raw_to_voltage(adc_cali_handle_t h, int raw, int *mv) { (void)h; *mv = raw; return ESP_OK; }
esp_err_t adc_cali_create_scheme_curve_fitting(const adc_cali_curve_fitting_config_t *c, adc_cali_handle_t *h) { (void)c; *h = &some; return ESP_OK; }
esp_err_t adc_cali_delete_scheme_curve_fitting(adc_cali_handle_t h) { (void)h; return ESP_OK; }
esp_err_t adc_cali_create_scheme_line_fitting(const adc_cali_line_fitting_config_t *c, adc_cali_handle_t *h) { (void)c; *h = &some; return ESP_OK; }
esp_err_t adc_cali_delete_scheme_line_fitting(adc_cali_handle_t h) { (void)h; return ESP_OK; }
static uint32_t take_rx(uint8_t *buf, uint32_t n)
{
    uint32_t got = n < (uint32_t)fake.rx_bytes ? n : (uint32_t)fake.rx_bytes;
    memcpy(buf, fake.rx, got);
    fake.rx_bytes -= (int)got;
    memmove(fake.rx, fake.rx + got, (size_t)fake.rx_bytes);
    return got;
}
uint32_t uart_ll_get_rxfifo_len(uart_dev_t *hw) { (void)hw; return (uint32_t)fake.rx_bytes; }
void uart_ll_read_rxfifo(uart_dev_t *hw, uint8_t *buf, uint32_t n) { (void)hw; take_rx(buf, n); }
int usb_serial_jtag_ll_read_rxfifo(uint8_t *buf, uint32_t n) { return (int)take_rx(buf, n); }
esp_err_t uart_param_config(int u, const uart_config_t *c) { (void)u; (void)c; return ESP_OK; }
esp_err_t uart_driver_install(int u, int r, int t, int q, void *p, int f) { (void)u; (void)r; (void)t; (void)q; (void)p; (void)f; return ESP_OK; }
esp_err_t uart_get_tx_buffer_free_size(int u, size_t *room) { (void)u; *room = 100; return ESP_OK; }
int uart_write_bytes(int u, const void *d, size_t n) { (void)u; (void)d; return (int)n; }
esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *c) { (void)c; return ESP_OK; }
int usb_serial_jtag_write_bytes(const void *d, size_t n, TickType_t t) { (void)d; (void)t; return (int)n; }
