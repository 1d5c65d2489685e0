#include "tests/bench/lib/docker/docker.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { TIMEOUT_S = 60 };

struct docker {
        CURL *curl;
        struct curl_slist *headers;
        struct str answer;
};

static size_t take_body(char *data, size_t size, size_t n, void *context)
{
        struct docker *docker = context;

        str_add_bytes(&docker->answer, data, size * n);
        return size * n;
}

int docker_new(const char *socket_path, struct docker **ret_docker, struct err *err)
{
        struct docker *docker = mem_alloc(sizeof *docker);

        docker->curl = curl_easy_init();
        docker->headers = curl_slist_append(NULL, "Content-Type: application/json");
        if (!docker->curl || !docker->headers) {
                docker_free(docker);
                return err_set(err, ERR_INTERNAL, "curl cannot be set up");
        }
        curl_easy_setopt(docker->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
        curl_easy_setopt(docker->curl, CURLOPT_HTTPHEADER, docker->headers);
        curl_easy_setopt(docker->curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(docker->curl, CURLOPT_WRITEDATA, docker);
        curl_easy_setopt(docker->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
        *ret_docker = docker;
        return 0;
}

void docker_free(struct docker *docker)
{
        if (!docker)
                return;
        curl_easy_cleanup(docker->curl);
        curl_slist_free_all(docker->headers);
        str_done(&docker->answer);
        free(docker);
}

int docker_call(struct docker *docker, const char *method, const char *path, const char *body,
                json_t **ret_answer, struct err *err)
{
        _cleanup_(str_done) struct str url = { 0 };
        CURLcode code;
        long status = 0;

        str_addf(&url, "http://docker/v1.41%s", path);
        str_clear(&docker->answer);
        curl_easy_setopt(docker->curl, CURLOPT_URL, url.text);
        curl_easy_setopt(docker->curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(docker->curl, CURLOPT_POSTFIELDS, body);
        if (!body)
                curl_easy_setopt(docker->curl, CURLOPT_HTTPGET, 1L);
        code = curl_easy_perform(docker->curl);
        if (code != CURLE_OK)
                return err_set(err, ERR_UNAVAILABLE, "%s %s: %s", method, path,
                               curl_easy_strerror(code));
        curl_easy_getinfo(docker->curl, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 400)
                return err_set(err, ERR_UNKNOWN, "%s %s: %ld %s", method, path, status,
                               str_text(&docker->answer));
        if (ret_answer)
                *ret_answer = json_loadb(str_text(&docker->answer), docker->answer.length, 0, NULL);
        return 0;
}
