/* What a registry says of an image: the distribution API over libcurl, with Basic and Bearer
 * authentication. */
#include "manager/api_server/registry.h"

#include <curl/curl.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "manager/api_server/answer.h"
#include "manager/api_server/check.h"

enum { BODY_MAX = 1024 * 1024, HEADER_MAX = 8 * 1024 };

/* What came back of one request. */
struct answer {
        long status;
        char digest[80];
        char challenge[1024]; /* WWW-Authenticate */
        char type[128];       /* Content-Type, parameters and all */
        struct str body;
};

static void answer_done(struct answer *answer)
{
        str_done(&answer->body);
}

/* One conversation with a registry: several requests under one deadline. */
struct conversation {
        CURL *curl;
        const struct registry_options *options;
        const struct image_name *image;
        const char *scheme;
        int64_t deadline_ns;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static size_t take_body(char *data, size_t size, size_t n, void *context)
{
        struct answer *answer = context;

        if (answer->body.length + size * n > BODY_MAX)
                return 0;
        str_add_bytes(&answer->body, data, size * n);
        return size * n;
}

static size_t take_headers(char *data, size_t size, size_t n, void *context)
{
        struct answer *answer = context;

        /* Of several answers, as after a redirect, the last one counts. */
        if (size * n >= 5 && memcmp(data, "HTTP/", 5) == 0)
                answer->digest[0] = answer->challenge[0] = answer->type[0] = '\0';
        if (size * n <= HEADER_MAX) {
                answer_header(data, size * n, "Content-Type", answer->type, sizeof answer->type);
                answer_header(data, size * n, "Docker-Content-Digest", answer->digest,
                              sizeof answer->digest);
                answer_header(data, size * n, "WWW-Authenticate", answer->challenge,
                              sizeof answer->challenge);
        }
        return size * n;
}

static int request(struct conversation *talk, const char *url, const char *bearer, bool use_basic,
                   struct answer *answer, struct err *err)
{
        static const char *const accept =
                "Accept: application/vnd.oci.image.index.v1+json, "
                "application/vnd.oci.image.manifest.v1+json, "
                "application/vnd.docker.distribution.manifest.list.v2+json, "
                "application/vnd.docker.distribution.manifest.v2+json, application/json";
        int64_t left_ms = (talk->deadline_ns - now_ns()) / NS_PER_MS;
        const char *username = str_or(talk->options->username, ""),
                   *password = str_or(talk->options->password, "");
        struct curl_slist *headers = curl_slist_append(NULL, accept);
        struct str line = { 0 };
        CURLcode code;

        if (left_ms <= 0) {
                curl_slist_free_all(headers);
                return err_set(err, ERR_DEADLINE, "registry %s did not answer in time",
                               talk->image->registry);
        }
        if (bearer) {
                str_addf(&line, "Authorization: Bearer %s", bearer);
                headers = curl_slist_append(headers, str_text(&line));
        }
        curl_easy_setopt(talk->curl, CURLOPT_URL, url);
        curl_easy_setopt(talk->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(talk->curl, CURLOPT_WRITEDATA, answer);
        curl_easy_setopt(talk->curl, CURLOPT_HEADERDATA, answer);
        curl_easy_setopt(talk->curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
        curl_easy_setopt(talk->curl, CURLOPT_USERNAME, use_basic && username[0] ? username : NULL);
        curl_easy_setopt(talk->curl, CURLOPT_PASSWORD, use_basic && username[0] ? password : NULL);
        code = curl_easy_perform(talk->curl);
        curl_slist_free_all(headers);
        str_done(&line);
        if (code != CURLE_OK)
                return err_set(err, ERR_UNAVAILABLE, "registry %s: %s", talk->image->registry,
                               curl_easy_strerror(code));
        curl_easy_getinfo(talk->curl, CURLINFO_RESPONSE_CODE, &answer->status);
        return 0;
}

static int bearer_token(struct conversation *talk, const char *challenge, struct str *ret,
                        struct err *err)
{
        _cleanup_(answer_done) struct answer answer = { 0 };
        _cleanup_(str_done) struct str url = { 0 };
        char realm[512], service[256], scope[512], *escaped;

        answer_challenge(challenge, "realm", realm, sizeof realm);
        answer_challenge(challenge, "service", service, sizeof service);
        answer_challenge(challenge, "scope", scope, sizeof scope);
        if (!str_starts_with(realm, "https://") && !str_starts_with(realm, "http://"))
                return err_set(err, ERR_UNAUTHENTICATED, "registry %s: no realm to ask for a token",
                               talk->image->registry);
        escaped = curl_easy_escape(talk->curl, service, 0);
        str_addf(&url, "%s%sservice=%s", realm, strchr(realm, '?') ? "&" : "?", escaped);
        curl_free(escaped);
        if (scope[0]) {
                escaped = curl_easy_escape(talk->curl, scope, 0);
                str_addf(&url, "&scope=%s", escaped);
                curl_free(escaped);
        }
        TRY(request(talk, str_text(&url), NULL, true, &answer, err));
        if (answer.status != 200)
                return err_set(err, ERR_UNAUTHENTICATED,
                               "registry %s: unauthorized: incorrect username or password",
                               talk->image->registry);
        answer_token(str_text(&answer.body), answer.body.length, ret);
        if (!ret->length)
                return err_set(err, ERR_UNAUTHENTICATED,
                               "registry %s: its token service gave no token",
                               talk->image->registry);
        return 0;
}

/* One request, repeated with what the registry asks for when it says 401. */
static int request_authorised(struct conversation *talk, const char *url, struct answer *answer,
                              struct err *err)
{
        _cleanup_(str_done) struct str token = { 0 };
        char challenge[sizeof answer->challenge];
        bool is_basic;

        TRY(request(talk, url, talk->options->registry_token, false, answer, err));
        if (answer->status != 401)
                return 0;
        memcpy(challenge, answer->challenge, sizeof challenge);
        is_basic = strncasecmp(challenge, "Basic", 5) == 0;
        if (!is_basic)
                TRY(bearer_token(talk, challenge, &token, err));
        str_clear(&answer->body);
        return request(talk, url, is_basic ? NULL : str_text(&token), is_basic, answer, err);
}

static bool is_listed(const char *list, const char *registry)
{
        size_t length = strlen(registry);

        for (const char *at = str_or(list, ""); *at; at += strcspn(at, ","), at += *at == ',')
                if (strcspn(at, ",") == length && memcmp(at, registry, length) == 0)
                        return true;
        return false;
}

/* As docker: loopback registries speak plain HTTP, and those that are named. */
static bool is_plain(const struct registry_options *options, const char *registry)
{
        return str_starts_with(registry, "127.") || str_starts_with(registry, "localhost:") ||
               str_equal(registry, "localhost") || str_starts_with(registry, "[::1]") ||
               is_listed(options->insecure_registries, registry);
}

static int conversation_open(const struct registry_options *options, const struct image_name *image,
                             struct conversation *ret, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };
        CURL *curl = curl_easy_init();

        if (!curl)
                return err_set(err, ERR_INTERNAL, "libcurl could not be started");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_headers);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "skep");
        if (!str_is_empty(options->certificates)) {
                str_addf(&path, "%s/%s/ca.crt", options->certificates, image->registry);
                if (access(str_text(&path), R_OK) == 0)
                        curl_easy_setopt(curl, CURLOPT_CAINFO, str_text(&path));
        }
        *ret = (struct conversation){
                .curl = curl,
                .options = options,
                .image = image,
                .scheme = is_plain(options, image->registry) ? "http" : "https",
                .deadline_ns = now_ns() + options->timeout_ns,
        };
        return 0;
}

static void conversation_done(struct conversation *talk)
{
        if (talk->curl)
                curl_easy_cleanup(talk->curl);
}

static void digest_of(const struct str *body, char ret[static 80])
{
        unsigned char hash[SHA256_DIGEST_LENGTH];
        char *at = stpcpy(ret, "sha256:");

        SHA256((const unsigned char *)str_text(body), body->length, hash);
        for (size_t i = 0; i < sizeof hash; i++)
                at += snprintf(at, 3, "%02x", hash[i]);
}

/* What lies at 'kind'/'reference' of the image's repository.  'ret_digest': of what came; it must
 * be 'reference', where that is a digest, and what the registry says. */
static int get(struct conversation *talk, const char *kind, const char *reference,
               struct answer *answer, char ret_digest[static 80], struct err *err)
{
        const struct image_name *image = talk->image;
        _cleanup_(str_done) struct str url = { 0 };

        str_addf(&url, "%s://%s/v2/%s/%s/%s", talk->scheme, image->registry, image->repository,
                 kind, reference);
        TRY(request_authorised(talk, str_text(&url), answer, err));
        if (answer->status == 404)
                return err_set(err, ERR_NOT_FOUND, "registry %s has no %s:%s", image->registry,
                               image->repository, reference);
        if (answer->status != 200)
                return err_set(err, ERR_UNAVAILABLE, "registry %s answered %ld", image->registry,
                               answer->status);
        digest_of(&answer->body, ret_digest);
        if ((check_is_digest(reference) && !str_equal(reference, ret_digest)) ||
            (answer->digest[0] && !str_equal(answer->digest, ret_digest)))
                return err_set(err, ERR_UNAVAILABLE,
                               "registry %s: what it sent has another digest than it says",
                               image->registry);
        return 0;
}

static int get_config(struct conversation *talk, const char *digest, struct image_platforms *ret,
                      struct err *err)
{
        _cleanup_(answer_done) struct answer answer = { 0 };
        char found[80];

        TRY(get(talk, "blobs", digest, &answer, found, err));
        return manifest_read_config(str_text(&answer.body), answer.body.length, ret, err);
}

int registry_resolve(const struct registry_options *options, const struct image_name *image,
                     struct registry_image *ret, struct err *err)
{
        _cleanup_(conversation_done) struct conversation talk = { 0 };
        _cleanup_(answer_done) struct answer answer = { 0 };
        struct registry_image found = { 0 };
        char config[80];

        TRY(conversation_open(options, image, &talk, err));
        TRY(get(&talk, "manifests", image->digest[0] ? image->digest : image->tag, &answer,
                found.digest, err));
        answer.type[strcspn(answer.type, "; ")] = '\0';
        TRY(manifest_read(answer.type, str_text(&answer.body), answer.body.length, &found.platforms,
                          config, err));
        if (config[0])
                get_config(&talk, config, &found.platforms, NULL);
        *ret = found;
        return 0;
}

int registry_check_auth(const struct registry_options *options, const char *server, struct err *err)
{
        _cleanup_(conversation_done) struct conversation talk = { 0 };
        _cleanup_(answer_done) struct answer answer = { 0 };
        _cleanup_(str_done) struct str url = { 0 };
        struct image_name image = { .repository = "", .tag = "" };

        if (strlen(server) >= sizeof image.registry || server[strcspn(server, "/?#@ ")])
                return err_set(err, ERR_INVALID, "invalid registry address '%.64s'", server);
        memcpy(image.registry, server, strlen(server) + 1);
        TRY(conversation_open(options, &image, &talk, err));
        str_addf(&url, "%s://%s/v2/", talk.scheme, image.registry);
        TRY(request_authorised(&talk, str_text(&url), &answer, err));
        if (answer.status == 401)
                return err_set(err, ERR_UNAUTHENTICATED,
                               "unauthorized: incorrect username or password");
        if (answer.status != 200)
                return err_set(err, ERR_UNAVAILABLE, "registry %s answered %ld", server,
                               answer.status);
        return 0;
}
