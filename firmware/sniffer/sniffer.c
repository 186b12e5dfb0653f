/* SPDX-License-Identifier: Apache-2.0 */
#include "sniffer.h"

#include <string.h>

#define PAUSE_FIRST_US 500000u

void sniffer_init(sniffer *s, const sniffer_port *port, const radio_channel *channel,
                  const record_identity *identity, const uint8_t receiver[8])
{
    (void)memset(s, 0, sizeof *s);
    s->port = port;
    s->channel = *channel;
    s->identity = *identity;
    (void)memcpy(s->writer.receiver, receiver, sizeof s->writer.receiver);
    s->pause_us = PAUSE_FIRST_US;
}

static void say(sniffer *s, const uint8_t *line, size_t len)
{
    if (len > 0 && s->port->write(s->port->ctx, line, len) != 1) {
        s->dropped++;
    }
}

static void say_all(sniffer *s, uint64_t now_us)
{
    const sniffer_port *port = s->port;
    uint8_t line[RECORD_LINE_MAX];

    say(s, line, record_configuration(&s->writer, now_us, &s->channel, &s->identity, line));
    say(s, line,
        record_status(&s->writer, now_us, port->radio_counters_of(port->ctx), s->dropped,
                      s->radio_error, line));
    s->say_us = now_us + SNIFFER_SAY_US;
}

static void start_radio(sniffer *s)
{
    const sniffer_port *port = s->port;
    uint64_t now_us = port->now_us(port->ctx);

    if (now_us < s->start_us) {
        port->pause(port->ctx, s->start_us < s->say_us ? s->start_us : s->say_us);
        return;
    }
    int err = port->radio_start(port->ctx);
    if (err == 0) {
        s->radio_works = 1;
        s->pause_us = PAUSE_FIRST_US;
        return;
    }
    s->radio_error = err;
    s->start_us = now_us + s->pause_us;
    s->pause_us = 2 * s->pause_us < SNIFFER_PAUSE_MAX_US ? 2 * s->pause_us : SNIFFER_PAUSE_MAX_US;
}

static int frame_was_bad(int result)
{
    return result == RADIO_ERR_CRC || result == RADIO_ERR_HEADER || result == RADIO_ERR_LENGTH;
}

void sniffer_step(sniffer *s)
{
    const sniffer_port *port = s->port;
    radio_frame frame;
    uint64_t now_us = port->now_us(port->ctx);

    if (now_us >= s->say_us) {
        say_all(s, now_us);
    }
    if (s->radio_works == 0) {
        start_radio(s);
        return;
    }
    int result = port->radio_receive(port->ctx, s->say_us, &frame);
    if (result == 1) {
        uint8_t line[RECORD_LINE_MAX];
        say(s, line, record_frame(&s->writer, &s->channel, &frame, line));
    } else if (result != 0 && !frame_was_bad(result)) {
        s->radio_error = result;
        s->radio_works = 0;
        s->start_us = 0;
    } else {
        /* nothing came, or a damaged frame: the radio listens on */
    }
}
