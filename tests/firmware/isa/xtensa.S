/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end on QEMU's Xtensa simulator board, call0. `simcall` 1 takes the exit code in a3. */
    .section .text.start, "ax"
    .globl _start
    .align 4
_start:
    j    begin
    .align 4
top:
    .word stack_top
entry:
    .word main
    .align 4
begin:
    l32r a1, top
    l32r a0, entry
    callx0 a0
    mov  a3, a2
    movi a2, 1
    simcall
1:  j    1b
