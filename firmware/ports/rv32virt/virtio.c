/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: Virtual I/O Device (VIRTIO) version 1.1, 2.6 (split virtqueues), 4.2.2 (MMIO registers),
 * 5.3 (console). Addresses: QEMU hw/riscv/virt.c.
 */
#include "virtio.h"

enum {
    MAGIC = 0x000 / 4, VERSION = 0x004 / 4, DEVICE_ID = 0x008 / 4, DRIVER_FEATURES = 0x020 / 4,
    DRIVER_FEATURES_SEL = 0x024 / 4, QUEUE_SEL = 0x030 / 4, QUEUE_NUM = 0x038 / 4,
    QUEUE_READY = 0x044 / 4, QUEUE_NOTIFY = 0x050 / 4, INTERRUPT_STATUS = 0x060 / 4,
    INTERRUPT_ACK = 0x064 / 4, STATUS = 0x070 / 4, DESC_LOW = 0x080 / 4, DRIVER_LOW = 0x090 / 4,
    DEVICE_LOW = 0x0a0 / 4
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, DEVICE_WRITES = 2 };
enum { CONSOLE = 3, SLOTS = 8, ENTRIES = 2, RX = 0, TX = 1 };
#define MMIO(i) ((volatile uint32_t *)(uintptr_t)(0x10001000u + 0x1000u * (i)))
#define PLIC(offset) (*(volatile uint32_t *)(uintptr_t)(0x0c000000u + (offset)))
#define PLIC_CLAIM 0x200004u
#define EXTERNAL 0x800u /* mie.MEIE */

typedef struct {
    uint64_t address;
    uint32_t len;
    uint16_t flags, next;
} descriptor;

typedef struct {
    uint16_t flags, index, ring[ENTRIES], unused;
} available;

typedef struct {
    uint16_t flags, index;
    struct {
        uint32_t id, len;
    } ring[ENTRIES];
    uint16_t unused;
} used;

/* The device reads and writes these behind the compiler's back. One console a machine. */
static struct {
    descriptor desc[2][ENTRIES] __attribute__((aligned(16)));
    volatile available avail[2] __attribute__((aligned(4)));
    volatile used done[2] __attribute__((aligned(4)));
    uint8_t data[2][VIRTIO_BUFFER];
} shared;

static uint32_t address_of(const volatile void *p)
{
    return (uint32_t)(uintptr_t)p;
}

static void fence(void)
{
    __asm__ volatile("fence" ::: "memory");
}

static void offer(virtio_console *v, uint32_t queue, uint32_t len)
{
    uint16_t *next = queue == RX ? &v->rx_next : &v->tx_next;
    shared.desc[queue][0].len = len;
    shared.avail[queue].ring[*next % ENTRIES] = 0;
    *next = (uint16_t)(*next + 1u);
    fence();
    shared.avail[queue].index = *next;
    fence();
    v->device[QUEUE_NOTIFY] = queue;
}

static void set_queue(virtio_console *v, uint32_t queue)
{
    shared.desc[queue][0].address = address_of(shared.data[queue]);
    shared.desc[queue][0].flags = queue == RX ? DEVICE_WRITES : 0;
    v->device[QUEUE_SEL] = queue;
    v->device[QUEUE_NUM] = ENTRIES;
    v->device[DESC_LOW] = address_of(shared.desc[queue]);
    v->device[DESC_LOW + 1] = 0;
    v->device[DRIVER_LOW] = address_of(&shared.avail[queue]);
    v->device[DRIVER_LOW + 1] = 0;
    v->device[DEVICE_LOW] = address_of(&shared.done[queue]);
    v->device[DEVICE_LOW + 1] = 0;
    v->device[QUEUE_READY] = 1;
}

int virtio_open(virtio_console *v)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (MMIO(i)[MAGIC] == 0x74726976u && MMIO(i)[VERSION] == 2 && MMIO(i)[DEVICE_ID] == CONSOLE) {
            v->device = MMIO(i);
            v->irq = 1 + i;
        }
    }
    if (v->device == 0) {
        return -1;
    }
    v->device[STATUS] = 0;
    v->device[STATUS] = ACKNOWLEDGE | DRIVER;
    v->device[DRIVER_FEATURES_SEL] = 1;
    v->device[DRIVER_FEATURES] = 1; /* VIRTIO_F_VERSION_1 */
    v->device[DRIVER_FEATURES_SEL] = 0;
    v->device[DRIVER_FEATURES] = 0;
    v->device[STATUS] = ACKNOWLEDGE | DRIVER | FEATURES_OK;
    set_queue(v, RX);
    set_queue(v, TX);
    v->device[STATUS] = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
    PLIC(4 * v->irq) = 1;
    PLIC(0x2000u) = 1u << v->irq;
    PLIC(0x200000u) = 0;
    __asm__ volatile("csrw mie, %0" ::"r"(EXTERNAL));
    offer(v, RX, VIRTIO_BUFFER);
    return 0;
}

/* Wait until the device says something. Interrupts stay disabled: WFI ends when one is pending. */
static void wait(virtio_console *v, uint32_t queue, uint16_t seen)
{
    while (shared.done[queue].index == seen) {
        uint32_t irq;
        __asm__ volatile("wfi");
        irq = PLIC(PLIC_CLAIM);
        if (irq != 0) {
            v->device[INTERRUPT_ACK] = v->device[INTERRUPT_STATUS];
            PLIC(PLIC_CLAIM) = irq;
        }
    }
    fence();
}

void virtio_write(void *ctx, const uint8_t *data, uint32_t len)
{
    virtio_console *v = ctx;
    for (uint32_t i = 0; i < len && i < VIRTIO_BUFFER; i++) {
        shared.data[TX][i] = data[i];
    }
    offer(v, TX, len);
    wait(v, TX, v->tx_seen);
    v->tx_seen = (uint16_t)(v->tx_seen + 1u);
}

void virtio_read(void *ctx, uint8_t *data, uint32_t len)
{
    virtio_console *v = ctx;
    for (uint32_t i = 0; i < len; i++) {
        if (v->used == v->have) {
            wait(v, RX, v->rx_seen);
            v->have = shared.done[RX].ring[v->rx_seen % ENTRIES].len;
            v->rx_seen = (uint16_t)(v->rx_seen + 1u);
            v->used = 0;
        }
        data[i] = shared.data[RX][v->used++];
        if (v->used == v->have) {
            offer(v, RX, VIRTIO_BUFFER);
        }
    }
}
