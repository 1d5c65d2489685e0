/* The story of a task, laid out for a person. */
#pragma once
#include "api/control.pb-c.h"
#include "lib/base/str.h"

void why_render(struct str *out, const Sk__ExplainTaskResponse *why, int64_t now_ns);
