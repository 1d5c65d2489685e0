/* skep events. */
#pragma once
#include "cli/command.h"
#include "lib/base/str.h"

extern const struct flag event_flags[];
int events_run(struct cli *cli, const struct arguments *arguments);

/* "2026-11-20T05:35:35.298226967Z node update ID (name=n4, state=ready)" */
void event_line(struct str *out, const Sk__ClusterEvent *event);
