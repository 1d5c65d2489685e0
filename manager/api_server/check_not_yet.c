/* What a spec can say already and nobody acts on yet: refused by name, never ignored. */
#include "lib/base/check.h"
#include "manager/api_server/check.h"

int check_not_yet(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__ContainerSpec *container = spec->task->container;
        const struct {
                bool is_said;
                const char *what;
        } all[] = {
                { container->readiness, "a readiness probe" },
        };

        for (size_t i = 0; i < COUNT_OF(all); i++)
                if (all[i].is_said)
                        return err_set(err, ERR_UNIMPLEMENTED, "%s is not supported yet",
                                       all[i].what);
        return 0;
}
