/* Objects with fixed ids and times, as the control API answers with them. */
#pragma once
#include "api/control.pb-c.h"
#include "lib/base/mem.h"

#define NOW_NS (INT64_C(1763617530) * 1000000000)
#define SECONDS(n) ((n)*INT64_C(1000000000))

/* A replicated service "web" of two tasks of "reg:5000/bb:1@sha256:32..." that run. */
Sk__ServiceView *a_web_service(struct arena *arena);

/* A task of it: slot, state, since how many seconds, error. */
Sk__TaskView *a_web_task(struct arena *arena, const char *id, uint64_t slot, uint64_t generation,
                         Sk__TaskState state, int64_t age_s, const char *error);

/* "n1": a manager that leads; "n2": a worker. */
Sk__Node *a_manager(struct arena *arena);
Sk__Node *a_worker(struct arena *arena);

/* A zeroed and initialised message. */
#define MAKE(arena, Type, INIT)                                    \
        __extension__({                                            \
                Type *made_ = arena_alloc((arena), sizeof *made_); \
                *made_ = (Type)INIT;                               \
                made_;                                             \
        })

Sk__Label *a_label(struct arena *arena, const char *key, const char *value);
Sk__PortConfig *a_port(struct arena *arena, uint32_t published, uint32_t target,
                       Sk__PortConfig__PublishMode mode);
