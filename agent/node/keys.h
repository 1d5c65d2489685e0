/* This node's keys, and certificates asked for them.
 *
 * A folder holds NAME.key and NAME.crt for each daemon, and root.crt.  A key stays as long as the
 * node is in its swarm and only its certificate is replaced, in one step: so no crash leaves a key
 * with another key's certificate.  Blocking: for a worker thread. */
#pragma once
#include "api/ca.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

/* The daemons of a role that have certificates, NULL-terminated; the agent is the first. */
const char *const *keys_daemons(Sk__NodeRole role);

/* A request for each daemon of the role, in 'arena'; keys that are missing are made. */
int keys_request(const char *folder, Sk__NodeRole role, struct arena *arena,
                 Sk__DaemonCsr ***ret_csrs, size_t *ret_n, struct err *err);

/* Writes certificates and root.  ERR_INVALID, and nothing is written: one is missing, or is not for
 * its key or by that root. */
int keys_store(const char *folder, Sk__NodeRole role, Sk__DaemonCertificate *const *certificates,
               size_t n, const char *root_certificate_pem, struct err *err);

/* Removes keys and certificates of daemons that a worker has not. */
int keys_forget_manager(const char *folder, struct err *err);
