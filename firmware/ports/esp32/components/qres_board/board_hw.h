/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board_hw.h - the parts of a board, behind the drivers' own interfaces. ESP-IDF only.
 *
 * One board, one task: the functions keep their state in static variables of their file.
 */
#ifndef QRES_BOARD_HW_H
#define QRES_BOARD_HW_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"
#include "i2c.h"
#include "pulse.h"
#include "radio.h"
#include "sx126x.h"
#include "sx127x.h"

#if BOARD_RADIO == 1276
typedef sx127x board_radio;
typedef sx127x_board board_radio_config;
#define board_radio_start sx127x_start
#define board_radio_receive sx127x_receive
#define board_radio_sleep sx127x_sleep
#else
typedef sx126x board_radio;
typedef sx126x_board board_radio_config;
#define board_radio_start sx126x_start
#define board_radio_receive sx126x_receive
#define board_radio_sleep sx126x_sleep
#endif

/* Time since boot, through light sleep; wait without sleeping. [us] */
uint64_t board_uptime_us(void);
void board_delay_us(uint32_t us);

/* Power rails and pins as the radio needs them. Call first. */
void board_power_start(void);
void board_sensor_power(bool on);

/*
 * SPI and pins of the radio. `light_sleep`: may wait_irq sleep? It keeps USB alive if not.
 * `clock` gives the time that frames are stamped with.
 */
const radio_io *board_radio_io(uint64_t (*clock)(void), bool light_sleep);
extern const board_radio_config board_radio_settings;

/* NULL if the board has no bus or it cannot be opened. */
const i2c_io *board_i2c(void);

/*
 * Interrupts of pins. Their handlers lie in IRAM: while flash is written nothing else of the
 * program runs, for 45 ms and more at an erase, and DIO1 and the gauges do not wait for it.
 */
bool board_start_interrupts(void);

/* Median of fifteen samples at a pin of ADC1 [mV], or -1. */
int32_t board_analog_mv(int gpio);
/* Battery [mV] before its divider, or -1 if the board has none. */
int32_t board_battery_mv(void);

/*
 * Pulse counters in memory that outlives deep sleep. What that memory holds is checked, too: a cold
 * start may come under another name.
 */
enum { BOARD_WIND_GAUGE, BOARD_RAIN_GAUGE, BOARD_GAUGES };
void board_pulse_start(bool memory_is_valid);
void board_pulse_look(void);          /* after a wake-up */
uint32_t board_pulse_count(int gauge);
bool board_pulse_present(int gauge);
void board_pulse_arm(void);           /* wake light sleep on the next change of level */
void board_pulse_disarm(void);        /* count by interrupts again */

/* Light sleep until a moment of board_uptime_us, a pulse, or the radio's interrupt if `radio`. */
void board_light_sleep(uint64_t until_us, bool radio);

#endif /* QRES_BOARD_HW_H */
