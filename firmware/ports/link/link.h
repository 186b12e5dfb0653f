/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - a port whose time, radio and sensors are another program at the end of a pipe.
 *
 * Used by the emulated and the posix node; tests/firmware/world.py is the other end. The node is
 * passive: it asks, the host answers with the time and what happened. Integers are little-endian.
 *
 *   request  u8 kind | u8 0 | u16 len | u32 busy_us | u64 instructions | len bytes
 *   answer   u8 kind | u8 0 | u16 len | u32 0       | u64 now_us       | len bytes
 *
 *   kind   request                         answer
 *   START  -                               u8 reset, u8 clock, u16 mips, u32 seed, u32 cut_after,
 *                                          u32 erase_us, u32 prog_us: ram_flash.h
 *   SLEEP  u64 until_us, u8 depth          -
 *   TX     u64 at_us, bytes                i32 result
 *   RX     u64 until_us                    u8 got, and if 1: u64 end_us, i16 rssi, i16 snr, bytes
 *   SENSE  -                               6 x i32, 2 x u32, 3 x u8: sensor_raw in its order
 *   COUNT  -                               likewise
 *   CLOCK  u64 now_us, after the step      none
 *   LOG    u8 level, 3 zeros, i32, i32, word   none
 *   REST   -                               none: the radio sleeps
 *   CUT    -                               none: power failed inside a flash operation
 *   QUIT   u32 bytes of stack ever used    none; sent when an answer has the kind QUIT
 *
 * Instructions count from the answer to START; those of the flash model and of waiting for answers do
 * not. busy_us is what the flash model says that it took, since START. Between an answer and the next
 * request the clock goes on by that, and by one microsecond for each `mips` instructions; with mips = 0
 * computing takes no time.
 */
#ifndef QRES_LINK_H
#define QRES_LINK_H

#include "port.h"
#include "ram_flash.h"

enum {
    LINK_START = 1, LINK_SLEEP, LINK_TX, LINK_RX, LINK_SENSE, LINK_COUNT, LINK_CLOCK, LINK_LOG,
    LINK_REST, LINK_CUT, LINK_QUIT
};

/* The bytes' way to the host and what only the machine knows. */
typedef struct {
    void *ctx;
    void (*write)(void *ctx, const uint8_t *data, uint32_t len);
    void (*read)(void *ctx, uint8_t *data, uint32_t len);
    uint64_t (*instructions)(void *ctx);
    uint32_t (*stack_bytes)(void *ctx);
    void (*quit)(void *ctx);    /* does not return */
    void (*restart)(void *ctx); /* does not return: the program begins anew */
} link_pipe;

typedef struct {
    link_pipe pipe;
    uint64_t now_us;       /* at `counted` instructions */
    uint64_t counted;
    uint64_t busy_us;      /* of `power`, at now_us */
    uint64_t waited;       /* instructions */
    uint32_t mips;
    uint32_t seed;
    ram_flash power;       /* power-cut state shared by the four parts */
    ram_flash_part part[4];
    uint8_t message[16 + 300];
} node_link;

/*
 * Memory that link_port wants, kept through restarts: the flash partitions provision, state, raw_log
 * and replica, and the retained memory, one after the other.
 */
#define LINK_RETAINED_BYTES 64
#define LINK_FLASH_BYTES (8192 + 32768 + 65536 + 131072 + LINK_RETAINED_BYTES)

/* Say START, and make a port of the answer. `flash`: LINK_FLASH_BYTES. */
void link_port(node_link *k, const link_pipe *pipe, uint8_t *flash, port *p);

#endif /* QRES_LINK_H */
