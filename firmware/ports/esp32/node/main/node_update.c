/* SPDX-License-Identifier: Apache-2.0 */
#include "board_hw.h"
#include "esp_ota_ops.h"
#include "node.h"

#define PROVEN_US 600000000u /* [us] so long a new image must run, watchdog and radio content */

static bool s_pending, s_known;

static bool pending(void)
{
    esp_ota_img_states_t state;

    return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

bool node_update_is_new(void)
{
    s_pending = pending();
    s_known = true;
    return s_pending;
}

void node_update_look(void)
{
    if (s_known && s_pending && board_uptime_us() > PROVEN_US && node_radio_works()) {
        s_pending = esp_ota_mark_app_valid_cancel_rollback() != ESP_OK;
    }
}
