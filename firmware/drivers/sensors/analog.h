/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analog.h - what comes from the analogue-digital converter: wind vane, battery and panel.
 *
 * All in millivolts at the pin; the port calibrates the converter itself.
 */
#ifndef QRES_ANALOG_H
#define QRES_ANALOG_H

#include <stddef.h>
#include <stdint.h>

/* cffi: begin */
#define ANALOG_SAMPLES_MAX 15

/* Middle of 1..ANALOG_SAMPLES_MAX samples: a spike of the radio or the charger is no battery. */
uint16_t analog_median(const uint16_t *samples_mv, size_t n);

/* Voltage before a divider, Q16.16 V. `scale_1e4`: 1e4 times (upper + lower) / lower resistor. */
int32_t analog_volts(uint16_t pin_mv, uint32_t scale_1e4);

/*
 * Direction of a vane whose sixteen positions switch resistors against a pull-up resistor.
 *
 *   pin_mv, supply_mv  in  [mV] at the pin and of the pull-up
 *   pull_up_ohm        in  [ohm]
 *
 * Returns Q16.16 degrees, 0 = north, clockwise, or SENSOR_MISSED (INT32_MIN) if the voltage is that of no position:
 * cable broken or shorted. Resistors: the vane of the Misol / Fine Offset / SparkFun weather meter.
 */
int32_t analog_vane_switched(uint16_t pin_mv, uint16_t supply_mv, uint32_t pull_up_ohm);

/*
 * Direction of a potentiometer vane (Davis 6410): 0..supply is 0..360 degrees.
 * Returns Q16.16 degrees; SENSOR_MISSED if the pin is above the supply, or the supply is 0.
 */
int32_t analog_vane_potentiometer(uint16_t pin_mv, uint16_t supply_mv);
/* cffi: end */

#endif /* QRES_ANALOG_H */
