/* A real manager and a few agents whose tasks are only names. */
#pragma once
#include "agent/agent.h"
#include "agent/executor_fake.h"
#include "tests/lib/manager/manager.h"
#include "tests/unit/test.h"

enum { PIPELINE_NODES = 3 };

struct pipeline {
        char folder[64];
        struct loop *loop;
        struct worker_pool *workers;
        struct manager manager;
        struct executor *executors[PIPELINE_NODES];
        struct agent *agents[PIPELINE_NODES];
};

/* For cmocka: everything is started, and the nodes are ready. */
int pipeline_setup(void **state);
int pipeline_teardown(void **state);

void pipeline_start_agent(struct pipeline *f, size_t i);

/* The log of a task as agent i would find it. */
void pipeline_log_folder(const struct pipeline *f, const char *task_id, char *ret, size_t size);

void pipeline_until_there_are(struct pipeline *f, size_t n, Sk__TaskState state);
