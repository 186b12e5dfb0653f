/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what the line's hardware has received, at most 128 bytes (UART) or 64 (USB). No driver: the
 * log goes out by ESP-IDF's own console, which needs none either, and a driver would cost RAM.
 */
#include "board.h"
#include "node.h"
#include "soc/soc_caps.h"

#if BOARD_CONSOLE_USB && SOC_USB_SERIAL_JTAG_SUPPORTED
#include "hal/usb_serial_jtag_ll.h"

uint32_t node_console_read(uint8_t *out, uint32_t len)
{
    return (uint32_t)usb_serial_jtag_ll_read_rxfifo(out, len);
}

#else
#include "hal/uart_ll.h"

uint32_t node_console_read(uint8_t *out, uint32_t len)
{
    uint32_t there = uart_ll_get_rxfifo_len(UART_LL_GET_HW(0));
    uint32_t n = there < len ? there : len;

    uart_ll_read_rxfifo(UART_LL_GET_HW(0), out, n);
    return n;
}

#endif
