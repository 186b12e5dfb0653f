/* SPDX-License-Identifier: Apache-2.0 */
#include "serial_line.h"

#include "board.h"
#include "driver/uart.h"
#include "freertos/FreeRTOS.h"
#include "soc/soc_caps.h"

#if BOARD_CONSOLE_USB && SOC_USB_SERIAL_JTAG_SUPPORTED
#include "driver/usb_serial_jtag.h"
#endif

#define BUFFER_BYTES 4096
#define RECEIVE_BYTES 256 /* the driver wants some; nothing is read from it */
#define BAUD 115200
#define WAIT_MS 20

#if BOARD_CONSOLE_USB && SOC_USB_SERIAL_JTAG_SUPPORTED

void serial_line_start(void)
{
    usb_serial_jtag_driver_config_t config = {.tx_buffer_size = BUFFER_BYTES,
                                              .rx_buffer_size = RECEIVE_BYTES};

    usb_serial_jtag_driver_install(&config);
}

int serial_line_write(const uint8_t *data, size_t len)
{
    /* the ring buffer takes a piece whole or not at all */
    return usb_serial_jtag_write_bytes(data, len, pdMS_TO_TICKS(WAIT_MS)) == (int)len;
}

#else

void serial_line_start(void)
{
    const uart_config_t config = {
        .baud_rate = BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };

    uart_param_config(UART_NUM_0, &config);
    uart_driver_install(UART_NUM_0, RECEIVE_BYTES, BUFFER_BYTES, 0, NULL, 0);
}

int serial_line_write(const uint8_t *data, size_t len)
{
    size_t room = 0;

    if (uart_get_tx_buffer_free_size(UART_NUM_0, &room) != ESP_OK || room < len) {
        return 0;
    }
    return uart_write_bytes(UART_NUM_0, data, len) == (int)len;
}

#endif
