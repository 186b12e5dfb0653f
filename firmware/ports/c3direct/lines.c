/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"
#include "bytes.h"

static void put(report *r, char c)
{
    if (r->len < sizeof r->text) {
        r->text[r->len++] = c;
    }
}

static void puts_to(report *r, const char *text)
{
    while (*text != '\0') {
        put(r, *text++);
    }
}

void report_word(report *r, const char *word)
{
    put(r, ' ');
    puts_to(r, word);
}

void report_line(report *r, const char *word)
{
    puts_to(r, "qres c3");
    report_word(r, word);
}

void report_number(report *r, const char *word, uint32_t x)
{
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + x % 10u);
        x /= 10u;
    } while (x != 0);
    report_word(r, word);
    report_word(r, &digits[at]);
}

void report_hex(report *r, const char *word, uint32_t x)
{
    report_word(r, word);
    put(r, ' ');
    for (int shift = 28; shift >= 0; shift -= 4) {
        put(r, "0123456789abcdef"[(x >> shift) & 15u]);
    }
}

void report_line_end(report *r)
{
    put(r, '\n');
}

void report_end(report *r)
{
    uint32_t crc = crc32_more(0, (const uint8_t *)r->text, r->len);
    report_line(r, "end");
    report_hex(r, "crc", crc);
    report_line_end(r);
}
