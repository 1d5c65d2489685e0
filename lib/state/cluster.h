/* What a cluster's spec may say, asked where a swarm is made and where its spec is changed. */
#pragma once
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/time.h"

/* The shortest period of heartbeats.  Three periods make a node late, and that must be longer than
 * a dispatcher on a busy machine may stand still unnoticed, which is a second. */
#define CLUSTER_HEARTBEAT_MIN_NS (NS_PER_S / 2)

/* "active", "pause", "drain"; empty or NULL: active.  ERR_INVALID: another word. */
int cluster_check_availability(const char *word, struct err *err);

/* 0: the default.  ERR_INVALID: not a time that a swarm can live by. */
int cluster_check_times(int64_t certificate_expiry_ns, int64_t dispatcher_heartbeat_ns,
                        struct err *err);
