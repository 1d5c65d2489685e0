/* Objects as Docker's API shows them: names, order of keys, words and units are Docker's.
 *
 * Every function makes a new value that is the caller's.  Objects may be partial: what is not there
 * is left out or empty, as Docker does.  Secrets, keys and credentials are never in the result.
 * Times are RFC 3339 with nanoseconds in UTC, durations are nanoseconds. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "api/control.pb-c.h"
#include "api/node.pb-c.h"
#include "api/objects.pb-c.h"

/* How these values are written as text: "0.1" stays "0.1". */
#define DOCKER_JSON_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

enum docker_flags {
        DOCKER_INSERT_DEFAULTS = 1, /* what was not said, as it works out */
        DOCKER_STATUS = 2,          /* ServiceStatus: how many tasks run */
};

/* GET /services/{id} */
json_t *docker_service(const Sk__ServiceView *service, enum docker_flags flags);
json_t *docker_service_spec(const Sk__ServiceSpec *spec, enum docker_flags flags);

/* GET /tasks/{id}; Spec is there when the view has it. */
json_t *docker_task(const Sk__TaskView *task);

/* GET /nodes/{id}; 'root_pem' is the cluster's root certificate, NULL: left out. */
json_t *docker_node(const Sk__Node *node, const char *root_pem);

/* What can be told of the root certificate; any may be NULL. */
struct docker_root {
        const char *pem, *issuer_subject, *issuer_public_key;
};

/* GET /swarm; without tokens it is what /info shows. */
json_t *docker_swarm(const Sk__Cluster *cluster, const struct docker_root *root, bool with_tokens);

/* GET /info; 'cluster' is NULL on a worker or outside of a swarm. */
json_t *docker_info(const Sk__GetNodeInfoResponse *node, const Sk__GetInfoResponse *cluster,
                    const struct docker_root *root);

/* GET /secrets/{id}, without data; GET /configs/{id}, with it */
json_t *docker_secret(const Sk__Secret *secret);
json_t *docker_config(const Sk__Config *config);

/* GET /events */
json_t *docker_event(const Sk__ClusterEvent *event);

/* May this field be left out of some object above?  (For templates: then it is empty.) */
bool docker_field_may_be_absent(const char *name);

/* Words: "ready", "active", "updating", "stop-first", ... */
const char *docker_node_state(const Sk__Node *node);
const char *docker_availability(const Sk__NodeSpec *spec);
const char *docker_role(Sk__NodeRole role);
const char *docker_update_state(Sk__UpdateStatus__State state);
const char *docker_failure_action(Sk__UpdateConfig__FailureAction action);
const char *docker_update_order(Sk__UpdateConfig__Order order);
const char *docker_restart_condition(Sk__RestartPolicy__Condition condition);
const char *docker_protocol(Sk__PortConfig__Protocol protocol);
const char *docker_publish_mode(Sk__PortConfig__PublishMode mode);
const char *docker_mount_type(Sk__Mount__Type type);
