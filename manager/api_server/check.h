/* The rules that every spec must pass, with docker's texts where docker has one: clients match on
 * them. */
#pragma once
#include <stdbool.h>

#include "api/objects.pb-c.h"
#include "lib/base/err.h"

/* Largest packed spec that is accepted. */
enum { SPEC_SIZE_MAX = 1024 * 1024 };

int check_service_spec(const Sk__ServiceSpec *spec, struct err *err);

/* A job's schedule; its timezone was looked up. */
int check_schedule(const Sk__ServiceSpec *spec, struct err *err);
/* Its mounts. */
int check_mounts(const Sk__ServiceSpec *spec, struct err *err);

/* Its checks of health and readiness. */
int check_health(const Sk__ServiceSpec *spec, struct err *err);

/* May a service of 'before' become 'after'? */
int check_service_update(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after,
                         struct err *err);

/* The secrets and configs of a service: whole references, each with a target of its own. */
int check_files(const Sk__ServiceSpec *spec, struct err *err);

/* A new secret or config: its name, labels, content and template driver.  'kind' is one of the
 * two. */
int check_file(Sk__Kind kind, const Sk__Annotations *annotations, const char *template_driver,
               const ProtobufCBinaryData *data, struct err *err);

/* Those of a secret or config. */
int check_file_labels(Sk__Kind kind, const Sk__Annotations *annotations, struct err *err);

int check_node_spec(const Sk__NodeSpec *spec, struct err *err);
int check_cluster_spec(const Sk__ClusterSpec *before, const Sk__ClusterSpec *after,
                       struct err *err);

/* A name of a service, network, ...: a DNS label. */
int check_name(const char *name, struct err *err);

/* "[registry[:port]/]path[:tag][@sha256:...]"?  As the distribution specification has it. */
int check_image(const char *reference, struct err *err);

/* Of a placement: the most platforms there may be, and the size of one's words, NUL included. */
enum { PLATFORMS_MAX = 64, PLATFORM_WORD_SIZE = 32 };

/* An operating system or architecture, as Go has them: "linux", "amd64"; "" is any. */
bool check_is_platform_word(const char *text);

/* "sha256:" and 64 hexadecimal digits? */
bool check_is_digest(const char *text);
