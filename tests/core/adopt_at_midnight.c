/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field of one channel has a checkpoint of one fragment, and with an epoch of 45 minutes it comes
 * in the very first phase of an era. Whoever adopts it there has committed nothing since: the new
 * state's digest must be known at once, for the node's own reports and for comparing others'.
 */
#include "talking.h"

static talking field;
static qres_node listener;

int main(void)
{
    static const uint8_t key[16] = {4};
    enum { PHASES_A_DAY = 128, ERA = 20001 };
    const uint32_t midnight = (uint32_t)ERA * PHASES_A_DAY;
    qres_site site = talk_site(3, 1, 2700, 1);
    qres_config config = {QRES_NO_SLOT, 0, 0, 0, 0};
    qres_action a;
    talk_start(&field, &site, key, midnight - 40, 1);
    CHECK(midnight % field.field.beacon_phases != 0, "a beacon has the slot");
    config.first_phase = midnight - 1;
    CHECK(qres_init(&listener, &field.field, key, &config) == QRES_OK, "init");
    while (field.phase <= midnight) {
        talk_open(&field);
        for (uint32_t i = 0; i < field.n_sent && field.phase >= midnight - 1; i++) {
            const sent_frame *s = &field.sent[i];
            qres_heard_info info;
            int rc = qres_heard(&listener, s->end_us - (uint64_t)listener.clock_corr_us, s->bytes,
                                s->len, &info);
            CHECK(s->kind != QRES_FRAME_CHECKPOINT || rc == QRES_OK, "fragment refused: %d", rc);
            CHECK(listener.recent_digest[listener.live.phase % QRES_DIGEST_HISTORY]
                      == qres_digest(&listener),
                  "the digest of phase %lu is out of date", (unsigned long)listener.live.phase);
        }
        talk_close(&field);
        qres_next(&listener,
                  field.phase * field.field.phase_us - 1 - (uint64_t)listener.clock_corr_us, &a);
    }
    CHECK(listener.counters.adopted == 1, "not adopted");
    CHECK(qres_digest(&listener) == qres_digest(&field.node[0]), "not equal");
    return 0;
}
