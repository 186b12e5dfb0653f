/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h - lines of text, and the line with their CRC that ends them.
 */
#ifndef QRES_C3_LINES_H
#define QRES_C3_LINES_H

#include <stddef.h>
#include <stdint.h>

enum { REPORT_BYTES = 3072 };

/* What does not fit is left out, and then no CRC is true. */
typedef struct {
    size_t len;
    char text[REPORT_BYTES];
} report;

/* Begin a line: "qres c3 <word>". */
void report_line(report *r, const char *word);
/* Go on in it: " <word>", " <word> <decimal>", " <word> <8 hexadecimal digits>". */
void report_word(report *r, const char *word);
void report_number(report *r, const char *word, uint32_t x);
void report_hex(report *r, const char *word, uint32_t x);
void report_line_end(report *r);
/* "qres c3 end crc <CRC-32 of every byte before this line>" */
void report_end(report *r);

#endif /* QRES_C3_LINES_H */
