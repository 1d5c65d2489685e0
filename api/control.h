/* The control API's methods: one row each, read by the server, its clients and the command line. */
#pragma once
#include "api/control.pb-c.h"
#include "api/roles.h"

/*  method, function, request, response, shape (lib/rpc/service.h), who may call */
/* clang-format off */
#define CONTROL_METHODS(X)                                                                         \
        X(GetCluster, get_cluster, GetClusterRequest, GetClusterResponse, UNARY, ROLE_ADMIN)       \
        X(UpdateCluster, update_cluster, UpdateClusterRequest, UpdateClusterResponse, UNARY,       \
          ROLE_ADMIN)                                                                              \
        X(GetInfo, get_info, GetInfoRequest, GetInfoResponse, UNARY, ROLE_ADMIN | ROLE_AGENT)      \
        X(ListNodes, list_nodes, ListNodesRequest, ListNodesResponse, UNARY, ROLE_ADMIN)           \
        X(GetNode, get_node, GetNodeRequest, GetNodeResponse, UNARY, ROLE_ADMIN)                   \
        X(UpdateNode, update_node, UpdateNodeRequest, UpdateNodeResponse, UNARY, ROLE_ADMIN)       \
        X(RemoveNode, remove_node, RemoveNodeRequest, RemoveNodeResponse, UNARY, ROLE_ADMIN)       \
        X(WatchNode, watch_node, WatchNodeRequest, WatchNodeResponse, SERVER_STREAM, ROLE_ADMIN)   \
        X(CreateService, create_service, CreateServiceRequest, CreateServiceResponse, UNARY,       \
          ROLE_ADMIN)                                                                              \
        X(GetService, get_service, GetServiceRequest, GetServiceResponse, UNARY, ROLE_ADMIN)       \
        X(ListServices, list_services, ListServicesRequest, ListServicesResponse, UNARY,           \
          ROLE_ADMIN)                                                                              \
        X(UpdateService, update_service, UpdateServiceRequest, UpdateServiceResponse, UNARY,       \
          ROLE_ADMIN)                                                                              \
        X(ListServiceRevisions, list_service_revisions, ListServiceRevisionsRequest,               \
          ListServiceRevisionsResponse, UNARY, ROLE_ADMIN)                                         \
        X(RebalanceService, rebalance_service, RebalanceServiceRequest, RebalanceServiceResponse,  \
          UNARY, ROLE_ADMIN)                                                                       \
        X(RemoveService, remove_service, RemoveServiceRequest, RemoveServiceResponse, UNARY,       \
          ROLE_ADMIN)                                                                              \
        X(WatchService, watch_service, WatchServiceRequest, WatchServiceResponse, SERVER_STREAM,   \
          ROLE_ADMIN)                                                                              \
        X(CreateSecret, create_secret, CreateSecretRequest, CreateSecretResponse, UNARY, ROLE_ADMIN) \
        X(GetSecret, get_secret, GetSecretRequest, GetSecretResponse, UNARY, ROLE_ADMIN) \
        X(ListSecrets, list_secrets, ListSecretsRequest, ListSecretsResponse, UNARY, ROLE_ADMIN) \
        X(UpdateSecret, update_secret, UpdateSecretRequest, UpdateSecretResponse, UNARY, ROLE_ADMIN) \
        X(RemoveSecret, remove_secret, RemoveSecretRequest, RemoveSecretResponse, UNARY, ROLE_ADMIN) \
        X(CreateConfig, create_config, CreateConfigRequest, CreateConfigResponse, UNARY, ROLE_ADMIN) \
        X(GetConfig, get_config, GetConfigRequest, GetConfigResponse, UNARY, ROLE_ADMIN) \
        X(ListConfigs, list_configs, ListConfigsRequest, ListConfigsResponse, UNARY, ROLE_ADMIN) \
        X(UpdateConfig, update_config, UpdateConfigRequest, UpdateConfigResponse, UNARY, ROLE_ADMIN) \
        X(RemoveConfig, remove_config, RemoveConfigRequest, RemoveConfigResponse, UNARY, ROLE_ADMIN) \
        X(ListTasks, list_tasks, ListTasksRequest, ListTasksResponse, UNARY, ROLE_ADMIN)           \
        X(GetTask, get_task, GetTaskRequest, GetTaskResponse, UNARY, ROLE_ADMIN)                   \
        X(ExplainTask, explain_task, ExplainTaskRequest, ExplainTaskResponse, UNARY, ROLE_ADMIN)   \
        X(ExplainService, explain_service, ExplainServiceRequest, ExplainServiceResponse, UNARY,   \
          ROLE_ADMIN)                                                                              \
        X(StreamLogs, stream_logs, StreamLogsRequest, StreamLogsResponse, SERVER_STREAM,           \
          ROLE_ADMIN)                                                                              \
        X(Enter, enter, EnterInput, EnterOutput, BIDI_STREAM, ROLE_ADMIN)                          \
        X(StreamUsage, stream_usage, StreamUsageRequest, StreamUsageResponse, SERVER_STREAM,       \
          ROLE_ADMIN)                                                                              \
        X(StreamEvents, stream_events, StreamEventsRequest, StreamEventsResponse, SERVER_STREAM,   \
          ROLE_ADMIN)                                                                              \
        X(CheckRegistryAuth, check_registry_auth, CheckRegistryAuthRequest,                        \
          CheckRegistryAuthResponse, UNARY, ROLE_ADMIN)
/* clang-format on */
