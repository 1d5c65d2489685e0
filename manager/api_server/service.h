/* Services that change. */
#pragma once
#include "manager/api_server/call.h"

/* Adds to the plan: the service wants 'spec' from now on, kept under 'spec_id' as its next
 * revision; nobody may have changed it since this view.  All of it lives as long as the plan. */
void service_plan_revision(struct call *call, const Sk__Service *service, const char *spec_id,
                           Sk__ServiceSpec *spec, const char *reason);
