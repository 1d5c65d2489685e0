/* The table of kinds, made of the rows in api/objects.h. */
#include "lib/state/object.h"

#include <assert.h>

/* What a row calls CLUSTER is KIND_CLUSTER, an Sk__Cluster. */
#define KIND_OF_ROW(constant) SK__KIND__KIND_##constant
#define KIND_MESSAGE(constant, name, Message, message, has_unique_names) \
        typedef Sk__##Message kind_##constant;
API_KINDS(KIND_MESSAGE)

/* Every kind is a head and then nothing but pointers to its parts, in the order of their index. */
#define KIND_HAS_HEAD(constant, name_, Message, message_, has_unique_names_)               \
        static_assert(offsetof(kind_##constant, id) == offsetof(struct object_head, id) && \
                              offsetof(kind_##constant, name) ==                           \
                                      offsetof(struct object_head, name) &&                \
                              offsetof(kind_##constant, meta) ==                           \
                                      offsetof(struct object_head, meta),                  \
                      "struct object_head is not how " name_ " begins");
#define PART_HAS_PLACE(constant, part, index, writers, readers, creators)            \
        static_assert(offsetof(kind_##constant, part) ==                             \
                              sizeof(struct object_head) + (index) * sizeof(void *), \
                      #part " is not part " #index " of " #constant);
API_KINDS(KIND_HAS_HEAD)
API_PARTS(PART_HAS_PLACE)

/* The messages that parts are. */
#define PART_MESSAGES(X)                              \
        X(ClusterSpec, cluster_spec)                  \
        X(ClusterTrust, cluster_trust)                \
        X(ClusterKeys, cluster_keys)                  \
        X(ClusterMembership, cluster_membership)      \
        X(NodeSpec, node_spec)                        \
        X(NodeIdentity, node_identity)                \
        X(NodeStatus, node_status)                    \
        X(NodeDescription, node_description)          \
        X(ServiceRevision, service_revision)          \
        X(ServiceProgress, service_progress)          \
        X(ServiceEndpoint, service_endpoint)          \
        X(ServiceSpecRevision, service_spec_revision) \
        X(NetworkSpec, network_spec)                  \
        X(NetworkAllocation, network_allocation)      \
        X(TaskDefinition, task_definition)            \
        X(TaskAllocation, task_allocation)            \
        X(TaskPlacement, task_placement)              \
        X(TaskStatus, task_status)                    \
        X(SecretSpec, secret_spec)                    \
        X(ConfigSpec, config_spec)                    \
        X(FileData, file_data)                        \
        X(VolumeSpec, volume_spec)                    \
        X(VolumeStatus, volume_status)                \
        X(LeaseGrant, lease_grant)

#define PART_CASE(Message, message) , Sk__##Message * : &sk__##message##__descriptor
#define PART_DESCRIPTOR(constant, part) \
        _Generic(((kind_##constant *)0)->part PART_MESSAGES(PART_CASE))

#define KIND_ROW(constant, name_, Message, message, has_unique_names_)     \
        [KIND_OF_ROW(constant)].kind = KIND_OF_ROW(constant),              \
        [KIND_OF_ROW(constant)].name = (name_),                            \
        [KIND_OF_ROW(constant)].descriptor = &sk__##message##__descriptor, \
        [KIND_OF_ROW(constant)].has_unique_names = (has_unique_names_),    \
        [KIND_OF_ROW(constant)].n_parts =                                  \
                (sizeof(kind_##constant) - sizeof(struct object_head)) / sizeof(void *),
#define PART_ROW(constant, part, index, writers_, readers_, creators_)                          \
        [KIND_OF_ROW(constant)].parts[index] = { .name = #part,                                 \
                                                 .descriptor = PART_DESCRIPTOR(constant, part), \
                                                 .offset = offsetof(kind_##constant, part),     \
                                                 .writers = (writers_),                         \
                                                 .readers = (readers_),                         \
                                                 .creators = (creators_) },

static const struct object_kind kinds[OBJECT_KINDS] = { API_KINDS(KIND_ROW) API_PARTS(PART_ROW) };

const struct object_kind *object_kind(Sk__Kind kind)
{
        if ((unsigned)kind >= OBJECT_KINDS || !kinds[kind].name)
                return NULL;
        return &kinds[kind];
}

const ProtobufCMessage *object_part(const struct object_head *object,
                                    const struct object_kind *kind, size_t part)
{
        if (part >= kind->n_parts)
                return NULL;
        return *(ProtobufCMessage *const *)((const char *)object + kind->parts[part].offset);
}

uint64_t object_part_version(const struct object_head *object, size_t part)
{
        return object->meta && part < object->meta->n_versions ? object->meta->versions[part] : 0;
}

uint64_t object_version(const struct object_head *object)
{
        uint64_t version = 0;

        for (size_t i = 0; object->meta && i < object->meta->n_versions; i++)
                if (object->meta->versions[i] > version)
                        version = object->meta->versions[i];
        return version;
}
