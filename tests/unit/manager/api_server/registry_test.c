/* What a registry says is taken with care. */
#include "manager/api_server/registry.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "tests/unit/test.h"

#define INDEX "application/vnd.oci.image.index.v1+json"
#define LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define SCHEMA_2 "application/vnd.docker.distribution.manifest.v2+json"

/* One thing a registry serves. */
struct served {
        const char *path;   /* "manifests/1" */
        const char *type;   /* "Content-Type" */
        const char *digest; /* "Docker-Content-Digest"; NULL: not told */
        const char *body;
        const char *location; /* NULL: no redirect */
};

static void digest_of(const char *body, char ret[static 80])
{
        unsigned char hash[SHA256_DIGEST_LENGTH];
        char *at = stpcpy(ret, "sha256:");

        SHA256((const unsigned char *)body, strlen(body), hash);
        for (size_t i = 0; i < sizeof hash; i++)
                at += snprintf(at, 3, "%02x", hash[i]);
}

static void answer(int fd, const char *request, const struct served *served, size_t n)
{
        _cleanup_(str_done) struct str text = { 0 };
        size_t i = 0;

        while (i < n && (strncmp(request, "GET /v2/web/", 12) != 0 ||
                         strncmp(request + 12, served[i].path, strlen(served[i].path)) != 0))
                i++;
        if (i == n)
                str_add(&text, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n");
        else if (served[i].location)
                str_addf(&text, "HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n",
                         served[i].location);
        else
                str_addf(&text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n", served[i].type);
        if (i < n && served[i].digest)
                str_addf(&text, "Docker-Content-Digest: %s\r\n", served[i].digest);
        str_add(&text, "Connection: close\r\n\r\n");
        if (i < n && !served[i].location)
                str_add(&text, served[i].body);
        /* Who had enough hangs up. */
        for (size_t sent = 0; sent < text.length;) {
                ssize_t r = send(fd, str_text(&text) + sent, text.length - sent, MSG_NOSIGNAL);

                if (r <= 0)
                        break;
                sent += (size_t)r;
        }
}

/* A registry, in a process of its own. */
static pid_t serve(const struct served *served, size_t n, struct image_name *ret)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        char request[4096] = "";
        int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
        pid_t pid;

        CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 9) == 0);
        CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
        *ret = (struct image_name){ .repository = "web", .tag = "1" };
        snprintf(ret->registry, sizeof ret->registry, "127.0.0.1:%u", ntohs(address.sin_port));
        pid = fork();
        if (pid == 0) {
                alarm(10);
                while ((fd = accept(listener, NULL, NULL)) >= 0) {
                        CHECK(read(fd, request, sizeof request - 1) > 0);
                        answer(fd, request, served, n);
                        close(fd);
                }
                _exit(0);
        }
        close(listener);
        return pid;
}

/* Resolves web:1, or web@'digest', where this is served. */
static int resolve_at(const char *digest, const struct served *served, size_t n,
                      struct registry_image *ret)
{
        const struct registry_options options = { .timeout_ns = 5 * NS_PER_S };
        struct image_name image;
        pid_t pid = serve(served, n, &image);
        struct err err;
        int r;

        snprintf(image.digest, sizeof image.digest, "%s", digest);
        *ret = (struct registry_image){ 0 };
        r = registry_resolve(&options, &image, ret, &err);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return r;
}

static int resolve_one(const char *type, const char *body, struct registry_image *ret)
{
        return resolve_at("", &(struct served){ "manifests/1", type, NULL, body, NULL }, 1, ret);
}

/* Is it "linux/amd64 linux/"? */
static void assert_platforms(const struct registry_image *image, const char *expected)
{
        _cleanup_(str_done) struct str said = { 0 };

        for (size_t i = 0; i < image->platforms.n; i++)
                str_addf(&said, "%s%s/%s", i ? " " : "", image->platforms.each[i].os,
                         image->platforms.each[i].architecture);
        assert_string_equal(str_text(&said), expected);
}

#define HALF "0123456789abcdef0123456789abcdef"
#define ENTRY(os_, architecture) \
        "{\"platform\":{\"os\":\"" os_ "\",\"architecture\":\"" architecture "\"}}"
#define MANY                                                                             \
        "{\"schemaVersion\":2,\"manifests\":[" ENTRY("linux", "amd64") "," ENTRY(        \
                "linux", "arm") "," ENTRY("linux",                                       \
                                          "ARM") "," ENTRY("windows",                    \
                                                           "amd64") "," ENTRY("unknown", \
                                                                              "unknown") "]}"

static void only_a_digest_is_taken_for_one(void **state)
{
        static const char *const bad[] = {
                "sha256:" HALF "0123456789abcdef/123456789abcde\xff",
                "sha256:" HALF "0123456789ABCDEF0123456789ABCDEF",
                "sha256:" HALF HALF,
                ("sha256:" HALF),
        };
        struct served served = { "manifests/1", INDEX, NULL, MANY, NULL };
        struct registry_image image;
        char digest[80];

        (void)state;
        digest_of(MANY, digest);
        served.digest = digest;
        assert_int_equal(resolve_at("", &served, 1, &image), 0);
        assert_string_equal(image.digest, digest);
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                served.digest = bad[i];
                assert_int_equal(resolve_at("", &served, 1, &image), ERR_UNAVAILABLE);
        }
}

static void what_was_asked_for_by_digest_must_be_that(void **state)
{
        struct served served = { "manifests/sha256:", LIST, NULL, MANY, NULL };
        struct registry_image image;
        char digest[80];

        (void)state;
        digest_of(MANY, digest);
        assert_int_equal(resolve_at(digest, &served, 1, &image), 0);
        assert_string_equal(image.digest, digest);
        assert_platforms(&image, "linux/amd64 linux/ windows/amd64");
        assert_int_equal(resolve_at("sha256:" HALF HALF, &served, 1, &image), ERR_UNAVAILABLE);
}

static void a_list_tells_each_platform_once_and_no_attestations(void **state)
{
        struct registry_image image;

        (void)state;
        assert_int_equal(resolve_one(INDEX, MANY, &image), 0);
        assert_platforms(&image, "linux/amd64 linux/ windows/amd64");
        assert_int_equal(resolve_one(LIST "; charset=utf-8", MANY, &image), 0);
        assert_platforms(&image, "linux/amd64 linux/ windows/amd64");
}

static void an_entry_that_says_no_platform_may_be_for_any(void **state)
{
        struct registry_image image;

        (void)state;
        assert_int_equal(resolve_one(INDEX, "{\"manifests\":[" ENTRY("linux", "amd64") ",{}]}",
                                     &image),
                         0);
        assert_platforms(&image, "");
}

/* A single image, its configuration served as 'config' after 'location'. */
static int resolve_single(const char *type, const char *config, const char *claimed,
                          struct registry_image *ret)
{
        _cleanup_(str_done) struct str manifest = { 0 };
        char digest[80];
        struct served served[] = {
                { "manifests/1", type, NULL, NULL, NULL },
                { "blobs/sha256:", NULL, NULL, NULL, "/v2/web/elsewhere" },
                { "elsewhere", "application/octet-stream", NULL, config, NULL },
        };

        digest_of(claimed, digest);
        str_addf(&manifest, "{\"mediaType\":\"%s\",\"config\":{\"digest\":\"%s\"},\"layers\":[]}",
                 type, digest);
        served[0].body = str_text(&manifest);
        return resolve_at("", served, COUNT_OF(served), ret);
}

static void a_single_image_is_for_what_its_configuration_says(void **state)
{
        static const char arm64[] =
                "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}";
        struct registry_image image;

        (void)state;
        assert_int_equal(resolve_single(MANIFEST, arm64, arm64, &image), 0);
        assert_platforms(&image, "linux/arm64");
        assert_int_equal(resolve_single(SCHEMA_2, "{}", "{}", &image), 0);
        assert_platforms(&image, "");
}

static void a_configuration_that_cannot_be_believed_says_nothing(void **state)
{
        struct registry_image image;

        (void)state;
        assert_int_equal(resolve_single(MANIFEST, "{\"os\":\"linux\"}", "{}", &image), 0);
        assert_true(image.digest[0]);
        assert_platforms(&image, "");
        assert_int_equal(resolve_single(MANIFEST, "[", "[", &image), 0);
        assert_platforms(&image, "");
        assert_int_equal(resolve_single(MANIFEST, "{\"os\":\"a b\"}", "{\"os\":\"a b\"}", &image),
                         0);
        assert_platforms(&image, "");
}

static void what_is_no_manifest_is_not_taken_for_one(void **state)
{
        static const struct {
                const char *type, *body;
        } bad[] = {
                { INDEX, "" },
                { INDEX, "<html>" },
                { INDEX, "[]" },
                { INDEX, "{}" },
                { INDEX, "{\"manifests\":{}}" },
                { INDEX, "{\"manifests\":[1]}" },
                { INDEX, "{\"manifests\":[{\"platform\":1}]}" },
                { INDEX, "{\"manifests\":[{\"platform\":{\"os\":1}}]}" },
                { INDEX, "{\"manifests\":[" ENTRY("linux", "amd 64") "]}" },
                { INDEX, "{\"manifests\":[" ENTRY("linux", HALF HALF) "]}" },
                { INDEX, "{\"manifests\":[],\"mediaType\":\"" LIST "\"}" },
                { INDEX, "{\"manifests\":[],\"mediaType\":1}" },
                { INDEX, "{\"manifests\":[],\"layers\":[]}" },
                { "application/json", "{\"manifests\":[]}" },
                { "", "{\"manifests\":[]}" },
                { MANIFEST, "{\"layers\":[]}" },
                { MANIFEST, "{\"config\":{\"digest\":\"sha256:" HALF "\"}}" },
                { MANIFEST, "{\"config\":{\"digest\":\"sha256:" HALF HALF "\"},\"manifests\":[]}" },
        };
        struct registry_image image;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                if (resolve_one(bad[i].type, bad[i].body, &image) != ERR_UNAVAILABLE)
                        fail_msg("taken: %s %s", bad[i].type, bad[i].body);
}

static void lists_without_end_are_refused(void **state)
{
        _cleanup_(str_done) struct str many = { 0 }, deep = { 0 }, long_ = { 0 };
        struct registry_image image;

        (void)state;
        str_add(&many, "{\"manifests\":[");
        for (int i = 0; i < PLATFORMS_MAX + 1; i++)
                str_addf(&many, "%s{\"platform\":{\"os\":\"linux\",\"architecture\":\"a%d\"}}",
                         i ? "," : "", i);
        str_add(&many, "]}");
        assert_int_equal(resolve_one(INDEX, str_text(&many), &image), ERR_UNAVAILABLE);
        for (int i = 0; i < 200000; i++)
                str_add(&deep, "[");
        assert_int_equal(resolve_one(INDEX, str_text(&deep), &image), ERR_UNAVAILABLE);
        str_add(&long_, "{\"manifests\":[]}");
        for (int i = 0; i < 1 << 18; i++)
                str_add(&long_, "        ");
        assert_int_equal(resolve_one(INDEX, str_text(&long_), &image), ERR_UNAVAILABLE);
}

static void redirects_in_a_circle_end(void **state)
{
        struct served served = { "manifests/1", NULL, NULL, NULL, "/v2/web/manifests/1" };
        struct registry_image image;

        (void)state;
        assert_int_equal(resolve_at("", &served, 1, &image), ERR_UNAVAILABLE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_a_digest_is_taken_for_one),
                cmocka_unit_test(what_was_asked_for_by_digest_must_be_that),
                cmocka_unit_test(a_list_tells_each_platform_once_and_no_attestations),
                cmocka_unit_test(an_entry_that_says_no_platform_may_be_for_any),
                cmocka_unit_test(a_single_image_is_for_what_its_configuration_says),
                cmocka_unit_test(a_configuration_that_cannot_be_believed_says_nothing),
                cmocka_unit_test(what_is_no_manifest_is_not_taken_for_one),
                cmocka_unit_test(lists_without_end_are_refused),
                cmocka_unit_test(redirects_in_a_circle_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
