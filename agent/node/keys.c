/* Keys and certificates in a folder. */
#include "agent/node/keys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/trust/trust.h"

static const char *const daemons[] = { "agent",        "mesh",      "store",     "api",
                                       "orchestrator", "allocator", "scheduler", "dispatcher",
                                       "ca",           "join",      NULL },
                         *const worker_daemons[] = { "agent", "mesh", NULL };

enum { WORKER_DAEMONS = COUNT_OF(worker_daemons) - 1 };

const char *const *keys_daemons(Sk__NodeRole role)
{
        return role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? daemons : worker_daemons;
}

static void path_of(const char *folder, const char *daemon, const char *suffix, struct str *ret)
{
        str_addf(ret, "%s/%s%s", folder, daemon, suffix);
}

static int read_or_make_key(const char *folder, const char *daemon, struct str *ret,
                            struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };

        path_of(folder, daemon, ".key", &path);
        if (file_exists(str_text(&path)))
                return file_read(str_text(&path), TRUST_PEM_MAX, ret, err);
        TRY(trust_make_key(ret, err));
        return file_write_atomic(str_text(&path), ret->text, ret->length, 0600, err);
}

static int make_request(const char *folder, const char *daemon, struct arena *arena,
                        Sk__DaemonCsr **ret, struct err *err)
{
        _cleanup_(str_done) struct str key = { 0 }, csr = { 0 };
        int result = read_or_make_key(folder, daemon, &key, err);

        if (result == 0)
                result = trust_make_csr(str_text(&key), &csr, err);
        if (key.text)
                explicit_bzero(key.text, key.length);
        if (result < 0)
                return err_prefix(err, "key of skep-%s", daemon);
        *ret = arena_alloc(arena, sizeof **ret);
        sk__daemon_csr__init(*ret);
        (*ret)->daemon = daemon;
        (*ret)->csr_pem = arena_strdup(arena, str_text(&csr));
        return 0;
}

int keys_request(const char *folder, Sk__NodeRole role, struct arena *arena,
                 Sk__DaemonCsr ***ret_csrs, size_t *ret_n, struct err *err)
{
        const char *const *names = keys_daemons(role);
        Sk__DaemonCsr **csrs = arena_alloc(arena, COUNT_OF(daemons) * sizeof *csrs);
        size_t n = 0;

        TRY(file_make_folders(folder, 0700, err));
        for (; names[n]; n++)
                TRY(make_request(folder, names[n], arena, &csrs[n], err));
        *ret_csrs = csrs;
        *ret_n = n;
        return 0;
}

static const char *certificate_of(Sk__DaemonCertificate *const *certificates, size_t n,
                                  const char *daemon)
{
        for (size_t i = 0; i < n; i++)
                if (str_equal(certificates[i]->daemon, daemon))
                        return certificates[i]->certificate_pem;
        return "";
}

static int check_all(const char *folder, const char *const *names,
                     Sk__DaemonCertificate *const *certificates, size_t n,
                     const char *root_certificate_pem, struct err *err)
{
        for (; *names; names++) {
                _cleanup_(str_done) struct str path = { 0 }, key = { 0 };
                int result;

                path_of(folder, *names, ".key", &path);
                TRY(file_read(str_text(&path), TRUST_PEM_MAX, &key, err));
                result = trust_check_pair(certificate_of(certificates, n, *names), str_text(&key),
                                          root_certificate_pem, err);
                explicit_bzero(key.text, key.length);
                if (result < 0)
                        return err_prefix(err, "certificate of skep-%s", *names);
        }
        return 0;
}

static int write_text(const char *folder, const char *name, const char *text, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };

        path_of(folder, name, ".crt", &path);
        return file_write_atomic(str_text(&path), text, strlen(text), 0600, err);
}

int keys_store(const char *folder, Sk__NodeRole role, Sk__DaemonCertificate *const *certificates,
               size_t n, const char *root_certificate_pem, struct err *err)
{
        const char *const *names = keys_daemons(role);

        TRY(check_all(folder, names, certificates, n, root_certificate_pem, err));
        TRY(write_text(folder, "root", root_certificate_pem, err));
        for (; *names; names++)
                TRY(write_text(folder, *names, certificate_of(certificates, n, *names), err));
        return 0;
}

int keys_forget_manager(const char *folder, struct err *err)
{
        static const char *const suffixes[] = { ".key", ".crt" };

        for (const char *const *name = daemons + WORKER_DAEMONS; *name; name++)
                for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
                        _cleanup_(str_done) struct str path = { 0 };

                        path_of(folder, *name, suffixes[i], &path);
                        if (unlink(str_text(&path)) < 0 && errno != ENOENT)
                                return err_set(err, ERR_UNAVAILABLE, "'%s' is not removed: %s",
                                               str_text(&path), strerror(errno));
                }
        return 0;
}
