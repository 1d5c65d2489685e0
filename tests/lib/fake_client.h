/* A client of lib/rpc that talks to the test instead of a server: link this file's object in place
 * of the real one (name
 * "//tests/lib:fake_client" in the test's srcs).  The test looks at what was asked and answers when
 * it likes. */
#pragma once
#include "lib/rpc/client.h"

struct rpc_client *fake_client_new(void);

/* The one that rpc_client_new() made last. */
struct rpc_client *fake_client_latest(void);

/* --- unary calls that are not answered yet, the oldest first --- */

size_t fake_calls(const struct rpc_client *client);

/* The request of the i-th; fails the test when it is of another method. */
const void *fake_call_in(const struct rpc_client *client, size_t i, const char *method);
void fake_answer(struct rpc_client *client, size_t i, const ProtobufCMessage *out);
void fake_fail(struct rpc_client *client, size_t i, int code);

/* --- open streams, the oldest first --- */

size_t fake_streams(const struct rpc_client *client);
const void *fake_stream_in(const struct rpc_client *client, size_t i, const char *method);
void fake_tell(struct rpc_client *client, size_t i, const ProtobufCMessage *out);
void fake_close(struct rpc_client *client, size_t i, int code);
