/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - what the application needs of a board: one structure of functions.
 *
 * The application (firmware/app) is plain C99 and does no I/O of its own. A
 * port fills a `port` and calls app_run. All calls come from one task; none is
 * made from an interrupt. Functions that are documented to block may sleep as
 * deep as the port likes, as long as RAM keeps its content.
 *
 * Times are microseconds of the node's own clock. While the clock is known it
 * shows Unix time; it never runs backwards except by set_clock.
 */
#ifndef QRES_PORT_H
#define QRES_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "qres_radio.h"
#include "sensor.h"

/* Negative results of a port's functions. */
enum {
    PORT_OK = 0,
    PORT_ERR_RADIO = -1, /* the chip does not answer, or says that it failed */
    PORT_ERR_LATE = -2,  /* the moment to transmit has passed; nothing was sent */
    PORT_ERR_FLASH = -3, /* the range is outside, or the memory says that it failed */
    PORT_ERR_BUSY = -4   /* channel busy, where the region asks to listen before talking */
};

/* Why the program started. */
typedef enum {
    PORT_RESET_POWER_ON = 0, /* also the reset button */
    PORT_RESET_BROWN_OUT = 1,
    PORT_RESET_WATCHDOG = 2,
    PORT_RESET_PANIC = 3,      /* fault or failed assertion */
    PORT_RESET_DEEP_SLEEP = 4, /* port.sleep with PORT_SLEEP_DEEP has ended */
    PORT_RESET_UPDATE = 5      /* new firmware */
} port_reset;

/* What is known of the time at start. */
typedef enum {
    PORT_CLOCK_LOST = 0, /* now_us counts from some start of its own */
    PORT_CLOCK_KEPT = 1  /* Unix time ran through the reset, within half a second */
} port_clock;

typedef enum {
    PORT_SLEEP_LIGHT = 0, /* RAM kept; returns */
    PORT_SLEEP_DEEP = 1   /* RAM may be lost: the port may start the program anew instead */
} port_depth;

/* Events for the log, a word and two numbers each: cheap to keep, easy to grep. */
typedef enum { PORT_LOG_ERROR = 0, PORT_LOG_WARN = 1, PORT_LOG_INFO = 2 } port_level;

/* The one channel that a field uses. */
typedef struct {
    qres_lora lora;
    uint32_t freq_hz;
    int8_t tx_power_dbm; /* [dBm] at the antenna connector */
    uint8_t sync_word;   /* 0x12: private network */
} port_radio_config;

/* A frame as received, its PHY CRC good. */
typedef struct {
    uint64_t end_us;   /* [us] end of reception on the node's own clock */
    int16_t rssi_cdbm; /* [0.01 dBm] */
    int16_t snr_cdb;   /* [0.01 dB] */
    uint8_t len;       /* [bytes] */
    uint8_t bytes[255];
} port_frame;

/* What is fitted to the board, as its board file says. */
typedef struct {
    uint32_t wind_um_per_pulse; /* [um] wind run per pulse of the anemometer */
    uint32_t wind_offset_um_s;  /* [um/s] added while it turns */
    uint32_t rain_um_per_tip;   /* [um] 200 for a tip of 0.2 mm */
    int16_t antenna_cdbi;       /* [0.01 dBi] QRES_DIPOLE_CDBI if nothing better is known */
    uint16_t battery_low_mv;    /* [mV] below it the node hibernates; 0: never */
} port_fitted;

/*
 * A piece of NOR flash. Programming turns 1 bits into 0 bits and nothing else;
 * erasing sets a whole sector to 0xff. Power may fail inside either: then each
 * bit that was to change has changed or not.
 */
typedef struct {
    void *ctx;
    uint32_t bytes;        /* multiple of sector_bytes */
    uint32_t sector_bytes; /* what is erased at once, e.g. 4096 */
    /* Each returns PORT_OK or PORT_ERR_FLASH. `at` and `len` in bytes, 4-aligned for prog. */
    int (*read)(void *ctx, uint32_t at, void *out, uint32_t len);
    int (*prog)(void *ctx, uint32_t at, const void *data, uint32_t len);
    int (*erase)(void *ctx, uint32_t at); /* the sector that starts at `at` */
} port_flash;

typedef struct {
    void *ctx; /* first argument of every function below */

    /* ---- time */
    uint64_t (*now_us)(void *ctx);
    /* Make now_us show `now_us`; it goes on from there, also through sleep and warm resets. */
    void (*set_clock)(void *ctx, uint64_t now_us);
    /*
     * Sleep until `until_us`, or shorter: the caller looks at the clock again. Pulse counters
     * count meanwhile. The radio is off.
     */
    void (*sleep)(void *ctx, uint64_t until_us, port_depth depth);
    /* Wait a moment with everything on, e.g. while a sensor settles. [us] */
    void (*delay_us)(void *ctx, uint32_t us);

    /* ---- radio: half-duplex, one channel */
    /* Once after start and again after PORT_ERR_RADIO: reset and set up the chip, then let it sleep. */
    int (*radio_start)(void *ctx, const port_radio_config *config);
    /*
     * Transmit; the preamble begins at `at_us`. Blocks until the frame is out, then the radio
     * sleeps. Returns PORT_OK; PORT_ERR_LATE if called more than 10 ms after `at_us`;
     * PORT_ERR_BUSY; PORT_ERR_RADIO. After an error nothing, or not all, was on air.
     */
    int (*radio_tx)(void *ctx, uint64_t at_us, const uint8_t *bytes, uint32_t len);
    /*
     * Receive until a frame came, or until `until_us`. The receiver stays on between calls, and
     * frames that come meanwhile are kept (at least one), until radio_sleep or radio_tx.
     * Returns 1 and fills `frame`, 0 when the time is up, or PORT_ERR_RADIO. Frames with a bad
     * CRC are dropped.
     */
    int (*radio_rx)(void *ctx, uint64_t until_us, port_frame *frame);
    void (*radio_sleep)(void *ctx);

    /* ---- sensors; `raw` comes as SENSOR_RAW_NONE */
    /* Power them, wait for them, read them, all in one call; at most 300 ms. */
    void (*sense)(void *ctx, sensor_raw *raw);
    /* Only the pulse counters and has_wind, has_rain: cheap, at every wake-up. */
    void (*count)(void *ctx, sensor_raw *raw);

    /* ---- what outlives a reset */
    port_flash provision; /* who this node is: app/provision.h; read only, prog and erase may be NULL */
    port_flash state;     /* at least 4 sectors; records, store.h */
    port_flash raw_log;   /* at least 2 sectors, or bytes = 0 for none; ring.h */
    port_flash replica;   /* at least 8 sectors, or bytes = 0 for none; snapshot.h */
    /*
     * Memory that survives deep sleep and warm resets (RTC memory), at least 64 bytes. After a
     * cold start its content is arbitrary; the application checks it by a CRC.
     */
    void *retained;
    uint32_t retained_bytes;

    /* ---- the rest */
    port_fitted fitted;
    port_reset reset;
    port_clock clock;
    uint32_t (*random)(void *ctx); /* for jitter, not for keys */
    /*
     * What came over the console since the last call, without waiting: at most `len` bytes. Returns
     * how many. NULL if nothing can come. time_line.h says what the application makes of it.
     */
    uint32_t (*console_read)(void *ctx, uint8_t *out, uint32_t len);
    void (*feed_watchdog)(void *ctx); /* expected at least every 30 s; sleep and radio_rx feed it too */
    void (*log)(void *ctx, port_level level, const char *word, int32_t a, int32_t b);
} port;

#endif /* QRES_PORT_H */
