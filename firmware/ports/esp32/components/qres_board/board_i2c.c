/* SPDX-License-Identifier: Apache-2.0 */
#include "board_hw.h"
#include "driver/i2c_master.h"

#define I2C_HZ 100000
#define TIMEOUT_MS 50
#define DEVICES_MAX 6

static i2c_master_bus_handle_t s_bus;

typedef struct {
    uint8_t address;
    i2c_master_dev_handle_t handle;
} known;

static known s_known[DEVICES_MAX];

static i2c_master_dev_handle_t device(uint8_t address)
{
    const i2c_device_config_t config = {
        .dev_addr_length = I2C_ADDR_BIT_LEN_7,
        .device_address = address,
        .scl_speed_hz = I2C_HZ,
    };

    for (int i = 0; i < DEVICES_MAX; i++) {
        if (s_known[i].handle != NULL && s_known[i].address == address) {
            return s_known[i].handle;
        }
        if (s_known[i].handle == NULL) {
            if (i2c_master_bus_add_device(s_bus, &config, &s_known[i].handle) != ESP_OK) {
                s_known[i].handle = NULL;
            }
            s_known[i].address = address;
            return s_known[i].handle;
        }
    }
    return NULL;
}

static int i2c_write(void *ctx, uint8_t address, const uint8_t *data, size_t len)
{
    i2c_master_dev_handle_t to = device(address);

    (void)ctx;
    return to != NULL && i2c_master_transmit(to, data, len, TIMEOUT_MS) == ESP_OK ? 0 : -1;
}

static int i2c_read(void *ctx, uint8_t address, uint8_t *data, size_t len)
{
    i2c_master_dev_handle_t from = device(address);

    (void)ctx;
    return from != NULL && i2c_master_receive(from, data, len, TIMEOUT_MS) == ESP_OK ? 0 : -1;
}

const i2c_io *board_i2c(void)
{
    static const i2c_io io = {.write = i2c_write, .read = i2c_read};
    const i2c_master_bus_config_t config = {
        .i2c_port = -1,
        .sda_io_num = (gpio_num_t)BOARD_I2C_SDA,
        .scl_io_num = (gpio_num_t)BOARD_I2C_SCL,
        .clk_source = I2C_CLK_SRC_DEFAULT,
        .glitch_ignore_cnt = 7,
        .flags.enable_internal_pullup = true,
    };

    if (BOARD_I2C_SDA < 0 || BOARD_I2C_SCL < 0) {
        return NULL;
    }
    if (s_bus == NULL && i2c_new_master_bus(&config, &s_bus) != ESP_OK) {
        s_bus = NULL;
        return NULL;
    }
    return &io;
}
