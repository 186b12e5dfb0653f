/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - QEMU's virtio console over MMIO as a pipe of bytes.
 *
 * Polled, with WFI while there is nothing: a waiting guest takes no time of the host.
 */
#ifndef QRES_VIRTIO_H
#define QRES_VIRTIO_H

#include <stdint.h>

#define VIRTIO_BUFFER 512

typedef struct {
    volatile uint32_t *device;
    uint32_t irq;
    uint16_t rx_seen, tx_seen, rx_next, tx_next;
    uint32_t have, used; /* [bytes] of the receive buffer: filled, and taken of it */
} virtio_console;

/* Find the console and start it. Returns 0, or -1 if there is none. */
int virtio_open(virtio_console *v);
void virtio_write(void *ctx, const uint8_t *data, uint32_t len);
void virtio_read(void *ctx, uint8_t *data, uint32_t len);

#endif /* QRES_VIRTIO_H */
