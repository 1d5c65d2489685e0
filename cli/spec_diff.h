/* What differs between two specs of a service, field by field, under docker's names. */
#pragma once
#include "api/specs.pb-c.h"
#include "lib/base/str.h"

/* A line per field: "TaskTemplate.ContainerSpec.Image: a -> b", "....Env: + A=1", "....: - A=2". */
void spec_diff(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after, struct str *out);

/* The last names of the fields: "Image, Env"; of more than three "Image, Env, Args and 2 more". */
void spec_diff_summary(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after,
                       struct str *out);
