/* Rules for what people ask: names, images, clusters, nodes; services have a file of their own. */
#include "manager/api_server/check.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/state/cluster.h"

enum { NAME_MAX_LENGTH = 63, LABELS_MAX = 4096, REFERENCE_MAX = 4096, LOG_ENTRIES_MAX = 10000000 };

int check_name(const char *name, struct err *err)
{
        size_t length = strlen(name);

        if (!length || !isalnum((unsigned char)name[0]) ||
            !isalnum((unsigned char)name[length - 1]))
                return err_set(err, ERR_INVALID, "name must be valid as a DNS name component");
        for (const char *c = name; *c; c++)
                if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
                        return err_set(err, ERR_INVALID,
                                       "name must be valid as a DNS name component");
        if (length > NAME_MAX_LENGTH)
                return err_set(err, ERR_INVALID, "name must be 63 characters or fewer");
        return 0;
}

/* One component of a repository path: [a-z0-9]+ joined by '.', '_', '__' or dashes. */
static const char *skip_path_component(const char *at)
{
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at))
                return NULL;
        for (;;) {
                size_t n = 0;

                while (islower((unsigned char)*at) || isdigit((unsigned char)*at))
                        at++;
                if (*at == '.')
                        n = 1;
                else if (*at == '_')
                        n = at[1] == '_' ? 2 : 1;
                else
                        n = strspn(at, "-");
                if (!n)
                        return at;
                if (!islower((unsigned char)at[n]) && !isdigit((unsigned char)at[n]))
                        return NULL;
                at += n;
        }
}

/* "host", "host:5000", "[::1]:5000": what stands before the first '/' when it looks like a host. */
static const char *skip_registry(const char *reference)
{
        const char *slash = strchr(reference, '/');
        size_t length = slash ? (size_t)(slash - reference) : 0;

        if (!slash || !length)
                return reference;
        if (!memchr(reference, '.', length) && !memchr(reference, ':', length) &&
            !(length == 9 && memcmp(reference, "localhost", 9) == 0))
                return reference;
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char)reference[i]) && !strchr(".:-[]", reference[i]))
                        return NULL;
        return slash + 1;
}

bool check_is_digest(const char *text)
{
        if (!str_starts_with(text, "sha256:") || strlen(text) != 7 + 64)
                return false;
        return strspn(text + 7, "0123456789abcdef") == 64;
}

bool check_is_platform_word(const char *text)
{
        static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-_.";
        size_t length = strspn(text, word);

        return !text[length] && length < PLATFORM_WORD_SIZE;
}

static bool is_reference(const char *reference)
{
        const char *at = skip_registry(reference);
        size_t tag = 0;

        if (!at || strlen(reference) > REFERENCE_MAX)
                return false;
        while ((at = skip_path_component(at)) && *at == '/')
                at++;
        if (at && *at == ':') {
                at++;
                while (isalnum((unsigned char)at[tag]) ||
                       (tag && strchr("_.-", at[tag]) && at[tag]) || at[tag] == '_')
                        tag++;
                if (!tag || tag > 128)
                        return false;
                at += tag;
        }
        if (at && *at == '@')
                return check_is_digest(at + 1);
        return at && !*at;
}

int check_image(const char *reference, struct err *err)
{
        if (str_is_empty(reference))
                return err_set(err, ERR_INVALID, "ContainerSpec: image reference must be provided");
        if (!is_reference(reference))
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: \"%.128s\" is not a valid repository/tag",
                               reference);
        return 0;
}

int check_node_spec(const Sk__NodeSpec *spec, struct err *err)
{
        if (!spec)
                return err_set(err, ERR_INVALID, "node spec must be provided");
        if (spec->desired_role > SK__NODE_ROLE__NODE_ROLE_MANAGER)
                return err_set(err, ERR_INVALID, "Unrecognized node role");
        if (spec->availability > SK__NODE_SPEC__AVAILABILITY__DRAIN)
                return err_set(err, ERR_INVALID, "Unrecognized node availability");
        if (spec->annotations && spec->annotations->n_labels > LABELS_MAX)
                return err_set(err, ERR_INVALID, "a node may have %d labels, not %zu", LABELS_MAX,
                               spec->annotations->n_labels);
        return 0;
}

int check_cluster_spec(const Sk__ClusterSpec *before, const Sk__ClusterSpec *after, struct err *err)
{
        if (!after)
                return err_set(err, ERR_INVALID, "cluster spec must be provided");
        TRY(cluster_check_times(after->certificate_expiry_ns, after->dispatcher_heartbeat_ns, err));
        if (after->snapshot_interval > LOG_ENTRIES_MAX ||
            after->log_entries_for_slow_followers > LOG_ENTRIES_MAX)
                return err_set(err, ERR_INVALID,
                               "the snapshot interval and the log entries for slow followers are "
                               "at most %d",
                               LOG_ENTRIES_MAX);
        if (after->keep_old_snapshots)
                return err_set(err, ERR_UNIMPLEMENTED,
                               "old snapshots are not kept: max-snapshots must be 0");
        if (after->n_external_cas)
                return err_set(err, ERR_UNIMPLEMENTED,
                               "external certificate authorities are not supported yet");
        if (after->default_log_driver)
                return err_set(err, ERR_UNIMPLEMENTED,
                               "a default log driver is not supported yet: name it in the service");
        if (after->annotations && before && before->annotations &&
            !str_equal(str_or(after->annotations->name, ""), str_or(before->annotations->name, "")))
                return err_set(err, ERR_INVALID, "modification of cluster name is not allowed");
        return 0;
}
