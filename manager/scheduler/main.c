/* skep-scheduler: gives every waiting task a node. */
#include "lib/run/reconcile.h"
#include "manager/scheduler/scheduler.h"

static struct scheduler_config config;

int main(int argc, char **argv)
{
        config.cache = scheduler_cache_new();
        return reconcile_main(argc, argv, &scheduler, &config, "gives every waiting task a node");
}
