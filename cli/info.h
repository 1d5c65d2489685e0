/* skep info and version. */
#pragma once
#include "cli/command.h"
#include "lib/base/str.h"

extern const struct flag info_flags[];
int info_run(struct cli *cli, const struct arguments *arguments);
int version_run(struct cli *cli, const struct arguments *arguments);

/* 'cluster' NULL: this node manages no swarm. */
void info_render(struct str *out, const Sk__GetNodeInfoResponse *node,
                 const Sk__GetInfoResponse *cluster);
