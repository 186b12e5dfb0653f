/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run the vectors and say what is wrong: a line "wrong <kind> <id>" for each that is not true here,
 * then "ran <n> wrong <n> first <place>". Exit code 0 if all are true, else 1.
 */
#include "port.h"
#include "vectors.h"

int main(void);

static void say_number(uint32_t x)
{
    char text[11];
    uint32_t at = sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + x % 10);
        x /= 10;
    } while (x != 0);
    port_say(text + at);
}

int main(void)
{
    uint32_t first = (uint32_t)run_vectors();
    uint32_t wrong = 0;
    for (uint32_t place = first; place != 0; place = vector_wrong_after(place)) {
        wrong++;
        port_say("wrong ");
        port_say(vector_kind(place));
        port_say(" ");
        port_say(vector_id(place));
        port_say("\n");
    }
    port_say("ran ");
    say_number(vector_count());
    port_say(" wrong ");
    say_number(wrong);
    port_say(" first ");
    say_number(first);
    port_say("\n");
    return wrong != 0;
}
