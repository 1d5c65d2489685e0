/* Bounds of a cluster's times. */
#include "lib/state/cluster.h"

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
