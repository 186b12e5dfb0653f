/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axp.h - X-Powers AXP192 and AXP2101, as far as the T-Beam needs them: feed the radio, not the GPS.
 *
 * AXP192: LDO2 radio, LDO3 GPS. AXP2101: ALDO2 radio, ALDO3 GPS. Other rails stay as they are.
 * Source: AXP192 data sheet V1.1, AXP2101 data sheet V1.0 (registers); which rail feeds what:
 * meshtastic/firmware src/Power.cpp, meshcore-dev/MeshCore TBeamBoard.cpp. Not measured on hardware.
 */
#ifndef QRES_AXP_H
#define QRES_AXP_H

#include "i2c.h"

/* cffi: begin */
#define AXP_ADDRESS 0x34

/* 3.3 V for the radio, GPS off. Returns 0, SENSOR_ERR_BUS, or SENSOR_ERR_CHIP if neither part answers. */
int axp_feed_radio(const i2c_io *bus);
/* Battery [mV] (AXP192 in 1.1 mV steps, AXP2101 in 1 mV), or SENSOR_ERR_*. */
int axp_battery_mv(const i2c_io *bus);
/* cffi: end */

#endif /* QRES_AXP_H */
