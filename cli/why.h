/* The story of a task, and the troubles of a service, laid out for a person. */
#pragma once
#include "api/control.pb-c.h"
#include "lib/base/str.h"

void why_render(struct str *out, const Sk__ExplainTaskResponse *why, int64_t now_ns);
void why_render_service(struct str *out, const Sk__ExplainServiceResponse *why);
