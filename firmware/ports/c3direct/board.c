/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers: ESP-IDF 6.0.2, components/soc/esp32c3/register/soc; what is written to them as in
 * bootloader_support/src/esp32c3, hal/rwdt_ll.h, hal/mwdt_ll.h, hal/clk_tree_ll.h.
 *
 * The clock stays on the crystal, 40 MHz, and not at 160: the PLL needs a calibration over an
 * internal bus, and 160 MHz a core voltage from eFuse. Done wrongly, the board is silent.
 * Cycles do not depend on it while the cache holds what runs.
 */
#include "board.h"

typedef struct {
    uint32_t at, keep, set; /* *at = (*at & keep) | set */
} step;

#define RTC_CNTL 0x60008000u
#define TIMG0 0x6001f000u
#define SYSTIMER 0x60023000u
#define USB 0x60043000u
#define SYSTEM 0x600c0000u
#define UART0 0x60000000u
#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define WDT_KEY 0x50d83aa1u
#define SWD_KEY 0x8f1d312au
#define ALL 0xffffffffu

enum { UNIT0_UPDATE = 1 << 30, UNIT0_VALID = 1 << 29 };
enum { USB_FREE = 2, USB_DONE = 1, USB_PACKET = 63 }; /* not 64: a full packet waits for an empty one */
enum { UART_FIFO = 120, PATIENCE_US = 50000, POLLS = 1000 };

static const step start_up[] = {
    {RTC_CNTL + 0xa8, 0, WDT_KEY},         /* RTC watchdog: unlock, */
    {RTC_CNTL + 0x90, 0, 0},               /* off, in flash boot, too, */
    {RTC_CNTL + 0xa8, 0, 0},               /* lock */
    {RTC_CNTL + 0xb0, 0, SWD_KEY},         /* super watchdog: */
    {RTC_CNTL + 0xac, ALL, 0x80000000u},   /* feeds itself */
    {RTC_CNTL + 0xb0, 0, 0},
    {TIMG0 + 0x64, 0, WDT_KEY},            /* watchdog of timer group 0: off, bit 22: take it over */
    {TIMG0 + 0x48, 0, 0x00400000u},
    {TIMG0 + 0x64, 0, 0},
    {SYSTEM + 0x58, ALL - 0x3ffu, 0},      /* crystal undivided */
    {SYSTEM + 0x58, ALL - 0xc00u, 0},      /* CPU from the crystal */
    {SYSTEM + 0x10, ALL, 0x21800004u},     /* clocks of SYSTIMER, UART memory, USB, UART0 */
    {SYSTEM + 0x18, ALL - 0x20000000u, 0}, /* SYSTIMER out of reset */
    {SYSTIMER + 0x00, ALL, 0xc0000000u},   /* registers clocked, unit 0 runs */
};

void board_start(void)
{
    for (size_t i = 0; i < sizeof start_up / sizeof start_up[0]; i++) {
        const step *s = &start_up[i];
        REG(s->at) = s->keep == 0 ? s->set : (REG(s->at) & s->keep) | s->set;
    }
}

uint32_t board_ticks(void)
{
    REG(SYSTIMER + 0x04) = UNIT0_UPDATE;
    for (int i = 0; i < POLLS && (REG(SYSTIMER + 0x04) & UNIT0_VALID) == 0; i++) {
    }
    return REG(SYSTIMER + 0x44);
}

void board_wait_us(uint32_t us)
{
    uint32_t from = board_ticks();
    while (board_ticks() - from < us * BOARD_TICKS_PER_US) {
    }
}

/* Wait for (*at & mask) < below. Returns 0 if it does not come. */
static int becomes(uint32_t at, uint32_t mask, uint32_t below)
{
    uint32_t from = board_ticks();
    while ((REG(at) & mask) >= below) {
        if (board_ticks() - from > PATIENCE_US * BOARD_TICKS_PER_US) {
            return 0;
        }
    }
    return 1;
}

static void put_uart(const char *text, size_t len)
{
    for (size_t i = 0; i < len && becomes(UART0 + 0x1c, 0x3ff0000u, UART_FIFO << 16); i++) {
        REG(UART0) = (uint8_t)text[i];
    }
}

/* Nobody reads: the first packet stays in the device, the rest of this text is dropped. */
static void put_usb(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint32_t from = board_ticks();
        while ((REG(USB + 0x04) & USB_FREE) == 0) {
            if (board_ticks() - from > PATIENCE_US * BOARD_TICKS_PER_US) {
                return;
            }
        }
        for (size_t n = 0; n < USB_PACKET && i < len; n++) {
            REG(USB) = (uint8_t)text[i++];
        }
        REG(USB + 0x04) = USB_DONE;
    }
}

void board_put(const char *text, size_t len)
{
    put_usb(text, len);
    put_uart(text, len);
}
