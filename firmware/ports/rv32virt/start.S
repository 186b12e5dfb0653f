/* SPDX-License-Identifier: Apache-2.0 */
/* Reset: clear .bss, paint the stack so that its use can be measured, call main. */
    .section .text.start, "ax"
    .globl _start
_start:
    csrw mie, zero
    csrw mstatus, zero
    la   t0, trap
    csrw mtvec, t0
    la   t0, bss_start
    la   t1, bss_end
1:  bgeu t0, t1, 2f
    sw   zero, 0(t0)
    addi t0, t0, 4
    j    1b
2:  la   t0, stack_low
    la   sp, stack_top
    li   t2, 0x5a5a5a5a
3:  bgeu t0, sp, 4f
    sw   t2, 0(t0)
    addi t0, t0, 4
    j    3b
4:  call main
    mv   a1, a0
    j    leave

    /* Any exception is a bug: exit code 3. */
    .align 4
trap:
    li   a1, 3

    /* a1: exit code. QEMU's test device ends the machine. */
    .globl leave
leave:
    li   t0, 0x100000
    bnez a1, 5f
    li   t1, 0x5555
    sw   t1, 0(t0)
5:  slli t1, a1, 16
    li   t2, 0x3333
    or   t1, t1, t2
    sw   t1, 0(t0)
6:  j    6b
