/* The rules that every spec must pass, with docker's texts where docker has one: clients match on
 * them. */
#pragma once
#include <stdbool.h>

#include "api/specs.pb-c.h"
#include "lib/base/err.h"

/* Largest packed spec that is accepted. */
enum { SPEC_SIZE_MAX = 1024 * 1024 };

int check_service_spec(const Sk__ServiceSpec *spec, struct err *err);

/* ERR_UNIMPLEMENTED for what a spec can say but nobody acts on yet. */
int check_not_yet(const Sk__ServiceSpec *spec, struct err *err);

/* May a service of 'before' become 'after'? */
int check_service_update(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after,
                         struct err *err);

int check_node_spec(const Sk__NodeSpec *spec, struct err *err);
int check_cluster_spec(const Sk__ClusterSpec *before, const Sk__ClusterSpec *after,
                       struct err *err);

/* A name of a service, network, ...: a DNS label. */
int check_name(const char *name, struct err *err);

/* "[registry[:port]/]path[:tag][@sha256:...]"?  As the distribution specification has it. */
int check_image(const char *reference, struct err *err);

/* "sha256:" and 64 hexadecimal digits? */
bool check_is_digest(const char *text);
