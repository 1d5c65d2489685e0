/* The revisions of a service: the present spec, the previous one, and older ones. */
#pragma once
#include "manager/api_server/call.h"

/* What follows 'service' as it is: 'spec' as revision 'spec_id'. */
Sk__ServiceRevision *revision_next(struct call *call, const Sk__Service *service,
                                   const char *spec_id, const Sk__ServiceSpec *spec);

/* A spec that is kept, by the number of its revision; NULL. */
const Sk__ServiceSpecObject *revision_find(const struct view *view, const Sk__Service *service,
                                           uint64_t number);

/* The update to the present revision is resumed, its canaries are promoted, or the job is run. */
int revision_go_on(struct call *call, const Sk__UpdateServiceRequest *in,
                   const Sk__Service *service);
