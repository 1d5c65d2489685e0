/* A dispatcher that says what a test tells it to, and an agent that talks to it over mutual TLS. */
#pragma once
#include "agent/agent.h"
#include "agent/executor_fake.h"
#include "lib/rpc/server.h"
#include "tests/unit/test.h"

#define STUB_TASK "task000000000000000000001"
#define STUB_SPEC "spec000000000000000000001"
#define STUB_SECRET "secret0000000000000000001"
#define STUB_NODE "node000000000000000000001"

struct stub {
        char folder[64], address[64];
        struct loop *loop;
        struct rpc_identity *identity;
        struct rpc_server *server;
        struct rpc_call *session; /* the newest; NULL: none */
        unsigned n_sessions, n_batches, n_heartbeats;
        uint64_t sequence; /* of assignments */
        Sk__TaskState last_state;
        char last_err[256];
        char answer_err[256]; /* of an answer that began with one; answers are never ended */
        bool is_silent;       /* batches are not acknowledged */
        bool needs_secret;    /* the task's spec names one, which is assigned with it */

        struct executor *executor;
        struct agent *agent;
        struct executor_fake_options fake;
        bool is_left;
};

int stub_setup(void **state);
int stub_teardown(void **state);

void stub_serve(struct stub *stub);
void stub_stop(struct stub *stub);

/* An agent with a journal; its executor outlives it. */
void stub_start_agent(struct stub *stub);
void stub_stop_agent(struct stub *stub);

/* Turns the loop until the condition holds; fails the test after 10 seconds. */
void stub_until(struct stub *stub, bool (*is_true)(struct stub *stub), const char *what);
#define UNTIL(stub, condition) stub_until(stub, condition, #condition)

bool has_session(struct stub *stub);
bool has_no_session(struct stub *stub);
bool is_running(struct stub *stub);
bool is_shut_down(struct stub *stub);
bool has_failed(struct stub *stub);
bool has_no_containers(struct stub *stub);

/* Tells the one task there is, wanted like this; or none. */
void stub_assign(struct stub *stub, Sk__Assignments__Type type, Sk__TaskState desired);
void stub_assign_nothing(struct stub *stub);

/* Asks for logs; the agent of a stub keeps none. */
void stub_ask(struct stub *stub, const char *request_id);
