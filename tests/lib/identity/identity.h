/* Throw-away identities for tests: a root and certificates of daemons, in files as lib/rpc/tls.h
 * reads them. */
#pragma once

/* Writes <folder>/<daemon>.key and .crt for a daemon ("store") of a node, signed by
 * <folder>/root.key, and <folder>/root.crt; the root is made when the folder (made too) has none.
 * 'unit' is "swarm-manager", "swarm-worker" or "swarm-admin"; with an empty 'daemon' the
 * certificate has no names beside the subject, and its files are called "admin".  Calling it again
 * makes a new certificate.  Aborts when anything fails. */
void test_identity_make(const char *folder, const char *cluster, const char *node, const char *unit,
                        const char *daemon);

/* The same for a root of its own in each call: <folder>/root.key and root.crt are replaced. */
void test_identity_make_root(const char *folder, const char *cluster);
