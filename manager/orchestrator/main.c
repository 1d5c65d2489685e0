/* skep-orchestrator: decides which tasks should exist. */
#include "lib/run/reconcile.h"
#include "manager/orchestrator/orchestrator.h"

int main(int argc, char **argv)
{
        return reconcile_main(argc, argv, &orchestrator, NULL, "decides which tasks should exist");
}
