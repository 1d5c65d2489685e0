/* What a handler sees and says: the view, the caller, what was drawn for it; a plan when it wants
 * something changed.
 *
 * Handlers are pure: the shell (serve.h) runs them, commits the plan, and runs a write handler
 * again on a newer view when somebody else was first.  Whatever must be fresh or unguessable was
 * drawn before the first run, so every run says the same. */
#pragma once
#include "api/control.h"
#include "lib/state/plan.h"

enum { CALL_FRESH_IDS = 2 };

/* What a registry said: the image with its digest, and what it is for. */
struct resolved_image {
        const char *reference;
        Sk__Platform **platforms;
        size_t n_platforms;
};

struct call {
        const struct view *view;
        struct plan *plan;   /* NULL in a read handler */
        struct arena *arena; /* the answer's memory */
        struct err *err;
        int64_t now_ns;
        const char *node_id; /* of the node this API server runs on */
        const char *fresh_ids[CALL_FRESH_IDS];
        const struct resolved_image *resolved; /* NULL when no registry was asked, or could say */
        const char *warning; /* to pass on to the person, NULL when there is none */
};

/* Zeroed answers come in already initialised. */
#define CALL_NEW(call_, Type, INIT)                                     \
        __extension__({                                                 \
                Type *new_ = arena_alloc((call_)->arena, sizeof *new_); \
                *new_ = (Type)INIT;                                     \
                new_;                                                   \
        })

/*  method, function, request, response */
#define CONTROL_READS(X)                                                             \
        X(GetCluster, get_cluster, GetClusterRequest, GetClusterResponse)            \
        X(GetInfo, get_info, GetInfoRequest, GetInfoResponse)                        \
        X(ListNodes, list_nodes, ListNodesRequest, ListNodesResponse)                \
        X(GetNode, get_node, GetNodeRequest, GetNodeResponse)                        \
        X(GetService, get_service, GetServiceRequest, GetServiceResponse)            \
        X(ListServices, list_services, ListServicesRequest, ListServicesResponse)    \
        X(ListServiceRevisions, list_service_revisions, ListServiceRevisionsRequest, \
          ListServiceRevisionsResponse)                                              \
        X(GetSecret, get_secret, GetSecretRequest, GetSecretResponse)                \
        X(ListSecrets, list_secrets, ListSecretsRequest, ListSecretsResponse)        \
        X(GetConfig, get_config, GetConfigRequest, GetConfigResponse)                \
        X(ListConfigs, list_configs, ListConfigsRequest, ListConfigsResponse)        \
        X(ListTasks, list_tasks, ListTasksRequest, ListTasksResponse)                \
        X(GetTask, get_task, GetTaskRequest, GetTaskResponse)                        \
        X(ExplainTask, explain_task, ExplainTaskRequest, ExplainTaskResponse)        \
        X(ExplainService, explain_service, ExplainServiceRequest, ExplainServiceResponse)

#define CONTROL_WRITES(X)                                                                         \
        X(UpdateNode, update_node, UpdateNodeRequest, UpdateNodeResponse)                         \
        X(RemoveNode, remove_node, RemoveNodeRequest, RemoveNodeResponse)                         \
        X(RebalanceService, rebalance_service, RebalanceServiceRequest, RebalanceServiceResponse) \
        X(RemoveService, remove_service, RemoveServiceRequest, RemoveServiceResponse)             \
        X(CreateSecret, create_secret, CreateSecretRequest, CreateSecretResponse)                 \
        X(UpdateSecret, update_secret, UpdateSecretRequest, UpdateSecretResponse)                 \
        X(RemoveSecret, remove_secret, RemoveSecretRequest, RemoveSecretResponse)                 \
        X(CreateConfig, create_config, CreateConfigRequest, CreateConfigResponse)                 \
        X(UpdateConfig, update_config, UpdateConfigRequest, UpdateConfigResponse)                 \
        X(RemoveConfig, remove_config, RemoveConfigRequest, RemoveConfigResponse)

/* Writes that may have to ask a registry first. */
#define CONTROL_IMAGE_WRITES(X)                                                       \
        X(CreateService, create_service, CreateServiceRequest, CreateServiceResponse) \
        X(UpdateService, update_service, UpdateServiceRequest, UpdateServiceResponse)

/* A handler per row: reads look, writes plan. */
#define CALL_PROTOTYPE(Method, function, Request, Response) \
        int handle_##function(struct call *call, const Sk__##Request *in, Sk__##Response *out);
CONTROL_READS(CALL_PROTOTYPE)
CONTROL_WRITES(CALL_PROTOTYPE)
CONTROL_IMAGE_WRITES(CALL_PROTOTYPE)
int handle_update_cluster(struct call *call, const Sk__UpdateClusterRequest *in,
                          Sk__UpdateClusterResponse *out);
