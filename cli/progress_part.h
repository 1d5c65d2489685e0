/* What the two kinds of progress share: that of services, and that of jobs. */
#pragma once
#include "cli/progress_core.h"

/* Puts a line where it stands; without a terminal a line is written when it changed. */
void progress_line(struct progress *progress, size_t at, const char *text, struct str *out);
/* Keeps the first n lines. */
void progress_cut(struct progress *progress, size_t n);
/* One line per slot, or per node, from line 'at'; returns how many lines there are now. */
size_t progress_slots(struct progress *progress, const Sk__WatchServiceResponse *news, size_t at,
                      struct str *out);
/* Draws all lines over those that were drawn before. */
void progress_draw(struct progress *progress, struct str *out);
enum progress_verdict progress_fail(struct progress *progress, const char *what, const char *why);

bool progress_is_job(const Sk__WatchServiceResponse *news);
enum progress_verdict progress_take_job(struct progress *progress,
                                        const Sk__WatchServiceResponse *news, struct str *out);
