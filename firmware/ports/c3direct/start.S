/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry from the mask ROM, byte 8 of flash. Watchdogs first; then .bss, .data and a painted stack.
 * The C3 has no mie: it is not touched. mtvec takes a table of jumps at a multiple of 256 bytes.
 */
    .section .text.start, "ax"
    .globl _start
_start:
    csrci mstatus, 8
    la   sp, stack_top
    la   t0, traps
    ori  t0, t0, 1
    csrw mtvec, t0
    call board_start
    la   t0, bss_start
    la   t1, bss_end
1:  bgeu t0, t1, 2f
    sw   zero, 0(t0)
    addi t0, t0, 4
    j    1b
2:  la   t0, data_start
    la   t1, data_end
    la   t2, data_image
3:  bgeu t0, t1, 4f
    lw   t3, 0(t2)
    sw   t3, 0(t0)
    addi t0, t0, 4
    addi t2, t2, 4
    j    3b
4:  la   t0, stack_low
    li   t1, 0x5a5a5a5a
5:  bgeu t0, sp, 6f
    sw   t1, 0(t0)
    addi t0, t0, 4
    j    5b
6:  call main
7:  j    7b

    .section .text.traps, "ax"
    .balign 256
traps:
    .option push
    .option norvc
    .rept 32
    j    trap
    .endr
    .option pop
trap:
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    la   sp, stack_top
    call trapped
8:  j    8b
