/* What is taken of a cluster's spec and of those who join it. */
#include "lib/state/cluster.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"

int cluster_check_availability(const char *word, struct err *err)
{
        static const char *const words[] = { "active", "pause", "drain" };

        for (size_t i = 0; i < COUNT_OF(words); i++)
                if (str_is_empty(word) || strcmp(word, words[i]) == 0)
                        return 0;
        return err_set(err, ERR_INVALID, "invalid availability %.32s: active, pause or drain",
                       word);
}

int cluster_check_times(int64_t certificate_expiry_ns, int64_t dispatcher_heartbeat_ns,
                        struct err *err)
{
        if (certificate_expiry_ns && certificate_expiry_ns < NS_PER_HOUR)
                return err_set(err, ERR_INVALID, "minimum certificate expiry time is: 1h0m0s");
        if (dispatcher_heartbeat_ns < 0)
                return err_set(err, ERR_INVALID,
                               "heartbeat time period cannot be a negative duration");
        if (dispatcher_heartbeat_ns && dispatcher_heartbeat_ns < CLUSTER_HEARTBEAT_MIN_NS)
                return err_set(err, ERR_INVALID, "minimum heartbeat time period is: 500ms");
        return 0;
}
