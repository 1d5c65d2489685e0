/* A plan as lines that a person reads. */
#pragma once
#include "lib/base/vec.h"
#include "lib/state/plan.h"

/* Appends one line (const char *, in 'arena') per change; names are those of the view's objects and
 * the plan's own. */
void plan_text(const struct view *view, const struct plan *plan, struct arena *arena,
               struct vec *lines);
