/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.h - a field to measure with: members at chance places, four channels with fire weather,
 * and in each phase every member of it reports. The same on every machine.
 */
#ifndef QRES_C3_SCENARIO_H
#define QRES_C3_SCENARIO_H

#include "qres.h"

typedef struct {
    qres_site site;
    qres_field field;
    qres_state state;
    qres_scratch scratch;
    qres_report reports[QRES_MAX_SLOTS]; /* of the phase after the state's */
    uint32_t n_reports, chance;
} scenario;

/*
 * A field of `members`, 1..128, `before` phases before the end of a day, so far without a report;
 * `before` is at most one day. Returns 0 if the core refuses the site.
 */
int scenario_start(scenario *s, uint32_t members, uint32_t before);

/* Commit `phases` phases with the reports of all, and make those of the next. */
void scenario_run(scenario *s, uint32_t phases);

#endif /* QRES_C3_SCENARIO_H */
