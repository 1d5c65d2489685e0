/* Pulls under way. */
#include "agent/containerd/pull.h"

#include <stdio.h>
#include <string.h>

#include "agent/containerd/client.h"
#include "agent/containerd/images.h"
#include "api/containerd/content.pb-c.h"
#include "api/containerd/cri.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static const int64_t look_ns = 5 * NS_PER_S, longest_ns = 60 * NS_PER_MINUTE;

enum { REGISTRY_MAX = 256 };

struct pull {
        struct pulls *pulls;
        char *reference;
        struct arena arena; /* of 'auth' */
        Ctd__Cri__AuthConfig *auth;
        struct pull_waiter *waiters;
        struct pull *next;            /* waiting to begin */
        struct rpc_request *request;  /* NULL: has not begun */
        struct rpc_request *progress; /* asking how far it is */
        struct loop_timer timer;
        int64_t began_boot_ns, moved_boot_ns;
        int64_t n_bytes;   /* of blobs being written when last asked */
        bool has_answered; /* the registry has sent something */
        bool is_writing;   /* blobs were being written when last asked */
        bool is_ending;    /* telling the waiters */
};

struct pulls {
        struct loop *loop;
        struct rpc_client *client;
        int n_most, n_running;
        int64_t silence_ns;
        struct map by_reference;
        struct pull *first, **end; /* those that wait to begin */
};

struct pulls *pulls_new(struct loop *loop, struct rpc_client *client, int n_most,
                        int64_t silence_ns)
{
        struct pulls *pulls = mem_alloc(sizeof *pulls);

        pulls->loop = loop;
        pulls->client = client;
        pulls->n_most = n_most;
        pulls->silence_ns = silence_ns;
        pulls->end = &pulls->first;
        return pulls;
}

void pulls_free(struct pulls *pulls)
{
        if (!pulls)
                return;
        CHECK(pulls->by_reference.n == 0);
        map_done(&pulls->by_reference);
        free(pulls);
}

void image_registry(const char *reference, char *ret, size_t size)
{
        size_t length = strcspn(reference, "/");

        /* Docker's rule: the first part is a host when it looks like one. */
        if (reference[length] != '/' ||
            (!memchr(reference, '.', length) && !memchr(reference, ':', length) &&
             !(length == 9 && memcmp(reference, "localhost", 9) == 0)))
                snprintf(ret, size, "docker.io");
        else
                snprintf(ret, size, "%.*s", (int)length, reference);
}

/* Credentials are tied to the registry the reference names, so that no mirror gets to see them. */
static Ctd__Cri__AuthConfig *copy_auth(struct pull *pull, const Sk__RegistryAuth *from)
{
        Ctd__Cri__AuthConfig *auth;
        char registry[REGISTRY_MAX];

        if (!from)
                return NULL;
        auth = arena_alloc(&pull->arena, sizeof *auth);
        ctd__cri__auth_config__init(auth);
        image_registry(pull->reference, registry, sizeof registry);
        auth->username = arena_strdup(&pull->arena, from->username);
        auth->password = arena_strdup(&pull->arena, from->password);
        auth->identity_token = arena_strdup(&pull->arena, from->identity_token);
        auth->registry_token = arena_strdup(&pull->arena, from->registry_token);
        auth->server_address =
                arena_printf(&pull->arena, "https://%s",
                             str_equal(registry, "docker.io") ? "registry-1.docker.io" : registry);
        return auth;
}

static void begin_next(struct pulls *pulls);

/* Out of the table and the queue, so that who comes now begins anew. */
static void unlink_pull(struct pull *pull)
{
        struct pulls *pulls = pull->pulls;

        map_remove(&pulls->by_reference, pull->reference);
        loop_timer_cancel(&pull->timer);
        if (pull->progress)
                rpc_request_cancel(pull->progress);
        pull->progress = NULL;
        for (struct pull **at = &pulls->first; *at; at = &(*at)->next) {
                if (*at != pull)
                        continue;
                *at = pull->next;
                if (!*at)
                        pulls->end = at;
                break;
        }
}

static void free_pull(struct pull *pull)
{
        arena_done(&pull->arena);
        free(pull->reference);
        free(pull);
}

static void end_pull(struct pull *pull, const struct err *err)
{
        struct pulls *pulls = pull->pulls;

        unlink_pull(pull);
        pulls->n_running--;
        pull->is_ending = true;
        while (pull->waiters) {
                struct pull_waiter *waiter = pull->waiters;

                pull->waiters = waiter->next;
                waiter->pull = NULL;
                waiter->done(waiter->context, err);
        }
        free_pull(pull);
        begin_next(pulls);
}

static void pulled(void *context, const void *out, const struct err *err)
{
        struct pull *pull = context;

        (void)out;
        pull->request = NULL;
        end_pull(pull, err);
}

static void tell_progress(struct pull *pull, int64_t done, int64_t total)
{
        struct str text = { 0 };

        str_addf(&text, "pulling %s", pull->reference);
        if (total > 0) {
                str_add(&text, ": ");
                str_add_bytes_iec(&text, (double)done);
                str_add(&text, " of ");
                str_add_bytes_iec(&text, (double)total);
        } else if (pull->has_answered) {
                str_add(&text, ": unpacking");
        } else {
                str_add(&text, ": waiting for the registry");
        }
        for (struct pull_waiter *waiter = pull->waiters; waiter; waiter = waiter->next)
                waiter->progress(waiter->context, text.text);
        str_done(&text);
}

static void give_up(struct pull *pull, const char *why)
{
        char registry[REGISTRY_MAX];
        struct err err;

        image_registry(pull->reference, registry, sizeof registry);
        err_set(&err, ERR_UNAVAILABLE,
                "pulling %s: %s; check that this node reaches the registry '%s'", pull->reference,
                why, registry);
        rpc_request_cancel(pull->request);
        pull->request = NULL;
        end_pull(pull, &err);
}

/* Counts what is being written for all pulls together: blobs do not say whose they are.  A pull
 * that stands still beside one that moves is found when that one is over, or by the longest time.
 */
static void note_statuses(struct pull *pull, const Ctd__Content__ListStatusesResponse *answer,
                          int64_t *ret_total)
{
        int64_t done = 0, total = 0, now = loop_now_boot(pull->pulls->loop);

        for (size_t i = 0; i < answer->n_statuses; i++) {
                done += answer->statuses[i]->offset;
                total += answer->statuses[i]->total;
        }
        pull->is_writing = answer->n_statuses > 0;
        if (pull->is_writing)
                pull->has_answered = true;
        if (done != pull->n_bytes)
                pull->moved_boot_ns = now;
        pull->n_bytes = done;
        *ret_total = total;
}

static void got_statuses(void *context, const void *out, const struct err *err)
{
        struct pull *pull = context;
        int64_t now = loop_now_boot(pull->pulls->loop), total;
        bool is_silent;

        pull->progress = NULL;
        loop_timer_set(pull->pulls->loop, &pull->timer, look_ns);
        if (err)
                return;
        note_statuses(pull, out, &total);
        is_silent = now - pull->moved_boot_ns > pull->pulls->silence_ns;
        if (is_silent && !pull->has_answered)
                give_up(pull, "the registry does not answer");
        else if (is_silent && pull->is_writing)
                give_up(pull, "the registry stopped sending");
        else if (now - pull->began_boot_ns > longest_ns)
                give_up(pull, "it takes too long");
        else
                tell_progress(pull, pull->n_bytes, total);
}

static void look(void *context)
{
        struct pull *pull = context;
        Ctd__Content__ListStatusesRequest in = CTD__CONTENT__LIST_STATUSES_REQUEST__INIT;

        pull->progress = rpc_client_call(pull->pulls->client,
                                         CONTAINERD_METHOD(content, content, ListStatuses),
                                         &in.base, look_ns, false, got_statuses, pull);
}

static void begin(struct pull *pull)
{
        Ctd__Cri__PullImageRequest in = CTD__CRI__PULL_IMAGE_REQUEST__INIT;
        Ctd__Cri__ImageSpec image = CTD__CRI__IMAGE_SPEC__INIT;
        struct pulls *pulls = pull->pulls;

        image.image = pull->reference;
        in.image = &image;
        in.auth = pull->auth;
        pulls->n_running++;
        pull->began_boot_ns = pull->moved_boot_ns = loop_now_boot(pulls->loop);
        pull->request =
                rpc_client_call(pulls->client, CONTAINERD_METHOD(cri, image_service, PullImage),
                                &in.base, 0, true, pulled, pull);
        loop_timer_set(pulls->loop, &pull->timer, look_ns);
}

static void begin_next(struct pulls *pulls)
{
        while (pulls->first && pulls->n_running < pulls->n_most) {
                struct pull *pull = pulls->first;

                pulls->first = pull->next;
                if (!pulls->first)
                        pulls->end = &pulls->first;
                pull->next = NULL;
                begin(pull);
        }
}

static struct pull *add_pull(struct pulls *pulls, const char *reference,
                             const Sk__RegistryAuth *auth)
{
        struct pull *pull = mem_alloc(sizeof *pull);

        pull->pulls = pulls;
        pull->reference = str_copy(reference);
        pull->auth = copy_auth(pull, auth);
        pull->timer = (struct loop_timer){ .fire = look, .context = pull };
        map_put(&pulls->by_reference, pull->reference, pull);
        *pulls->end = pull;
        pulls->end = &pull->next;
        return pull;
}

void pull_join(struct pulls *pulls, const char *reference, const Sk__RegistryAuth *auth,
               struct pull_waiter *waiter)
{
        struct pull *pull = map_find(&pulls->by_reference, reference);

        if (!pull)
                pull = add_pull(pulls, reference, auth);
        waiter->pull = pull;
        waiter->next = pull->waiters;
        pull->waiters = waiter;
        begin_next(pulls);
}

void pull_leave(struct pull_waiter *waiter)
{
        struct pull *pull = waiter->pull;
        struct pull_waiter **at;
        struct pulls *pulls;

        if (!pull)
                return;
        for (at = &pull->waiters; *at != waiter; at = &(*at)->next)
                ;
        *at = waiter->next;
        waiter->pull = NULL;
        if (pull->waiters || pull->is_ending)
                return;
        pulls = pull->pulls;
        unlink_pull(pull);
        if (pull->request) {
                rpc_request_cancel(pull->request);
                pulls->n_running--;
        }
        free_pull(pull);
        begin_next(pulls);
}
