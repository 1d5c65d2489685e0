/* skep-allocator: gives tasks and services their addresses and ports. */
#include "lib/run/reconcile.h"
#include "manager/allocator/allocator.h"

int main(int argc, char **argv)
{
        return reconcile_main(argc, argv, &allocator, NULL,
                              "gives tasks and services their addresses and ports");
}
