/* Docker in swarm mode, through its HTTP API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "tests/bench/lib/docker/docker.h"
#include "tests/bench/start/cluster.h"

struct dockerd {
        struct cluster cluster;
        struct docker *docker;
};

static struct docker *docker_of(struct cluster *cluster)
{
        return container_of(cluster, struct dockerd, cluster)->docker;
}

static void add_spec(struct str *str, const struct cluster *cluster, const char *name,
                     uint64_t n_replicas, const struct cluster_update *update)
{
        str_addf(str,
                 "{\"Name\":\"%s\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"%s\","
                 "\"StopSignal\":\"SIGKILL\"},\"RestartPolicy\":{\"Delay\":0},"
                 "\"ForceUpdate\":%llu},\"Mode\":{\"Replicated\":{\"Replicas\":%llu}}",
                 name, cluster->image, (unsigned long long)(update ? update->round : 0),
                 (unsigned long long)n_replicas);
        if (update)
                str_addf(str, ",\"UpdateConfig\":{\"Parallelism\":%llu,\"Order\":\"%s\"}",
                         (unsigned long long)update->parallelism,
                         update->start_first ? "start-first" : "stop-first");
        str_add_char(str, '}');
}

static int create_service(struct cluster *cluster, const char *name, uint64_t n_replicas,
                          struct err *err)
{
        _cleanup_(str_done) struct str spec = { 0 };

        add_spec(&spec, cluster, name, n_replicas, NULL);
        return docker_call(docker_of(cluster), "POST", "/services/create", spec.text, NULL, err);
}

static int change(struct cluster *cluster, const char *name, uint64_t n_replicas,
                  const struct cluster_update *update, struct err *err)
{
        _cleanup_(str_done) struct str spec = { 0 };
        char path[128];
        json_t *service;
        long long version;

        snprintf(path, sizeof path, "/services/%s", name);
        TRY(docker_call(docker_of(cluster), "GET", path, NULL, &service, err));
        version = json_integer_value(json_object_get(json_object_get(service, "Version"), "Index"));
        json_decref(service);
        snprintf(path, sizeof path, "/services/%s/update?version=%lld", name, version);
        add_spec(&spec, cluster, name, n_replicas, update);
        return docker_call(docker_of(cluster), "POST", path, spec.text, NULL, err);
}

static int scale(struct cluster *cluster, const char *name, uint64_t n_replicas, struct err *err)
{
        return change(cluster, name, n_replicas, NULL, err);
}

static int remove_service(struct cluster *cluster, const char *name, struct err *err)
{
        char path[128];

        snprintf(path, sizeof path, "/services/%s", name);
        return docker_call(docker_of(cluster), "DELETE", path, NULL, NULL, err);
}

static const char *text_of(const json_t *object, const char *key)
{
        return str_or(json_string_value(json_object_get(object, key)), "");
}

static uint64_t count_round(const json_t *tasks, uint64_t round)
{
        const json_t *task;
        uint64_t n = 0;
        size_t i;

        json_array_foreach(tasks, i, task)
        {
                const json_t *made = json_object_get(json_object_get(task, "Spec"), "ForceUpdate");

                n += strcmp(text_of(json_object_get(task, "Status"), "State"), "running") == 0 &&
                     strcmp(text_of(task, "DesiredState"), "running") == 0 &&
                     json_integer_value(made) == (json_int_t)round;
        }
        return n;
}

static uint64_t count(const json_t *tasks, const char *other_than, struct cluster_task *ret)
{
        const json_t *task;
        uint64_t n = 0;
        size_t i;

        json_array_foreach(tasks, i, task)
        {
                const json_t *status = json_object_get(task, "Status");

                if (strcmp(text_of(status, "State"), "running") != 0 ||
                    strcmp(text_of(task, "DesiredState"), "running") != 0)
                        continue;
                n++;
                if (str_equal(text_of(task, "ID"), other_than))
                        continue;
                snprintf(ret->id, sizeof ret->id, "%s", text_of(task, "ID"));
                ret->pid = json_integer_value(
                        json_object_get(json_object_get(status, "ContainerStatus"), "PID"));
        }
        return n;
}

/* There is no watching tasks in Docker's API; one look costs less the longer it is until the next
 * one. */
static int wait_running(struct cluster *cluster, const char *name, uint64_t n,
                        const char *other_than, struct cluster_task *ret, struct err *err)
{
        int64_t pause_ns = (n > 1 ? 100 : 10) * NS_PER_MS;
        int64_t n_looks = CLUSTER_PATIENCE_S * NS_PER_S / pause_ns;
        char path[128];
        json_t *tasks;

        snprintf(path, sizeof path, "/tasks?filters=%%7B%%22service%%22:%%5B%%22%s%%22%%5D%%7D",
                 name);
        for (int64_t i = 0; i < n_looks; i++) {
                uint64_t n_running;

                TRY(docker_call(docker_of(cluster), "GET", path, NULL, &tasks, err));
                *ret = (struct cluster_task){ 0 };
                n_running = count(tasks, other_than, ret);
                json_decref(tasks);
                if (n_running >= n && ret->id[0])
                        return 0;
                nanosleep(&(struct timespec){ .tv_nsec = pause_ns }, NULL);
        }
        return err_set(err, ERR_DEADLINE, "%s: its tasks do not run", name);
}

static int wait_round(struct cluster *cluster, const char *name, uint64_t n, uint64_t round,
                      struct err *err)
{
        int64_t pause_ns = 20 * NS_PER_MS, n_looks = CLUSTER_PATIENCE_S * NS_PER_S / pause_ns;
        char path[128];
        json_t *tasks;

        snprintf(path, sizeof path, "/tasks?filters=%%7B%%22service%%22:%%5B%%22%s%%22%%5D%%7D",
                 name);
        for (int64_t i = 0; i < n_looks; i++) {
                uint64_t n_running;

                TRY(docker_call(docker_of(cluster), "GET", path, NULL, &tasks, err));
                n_running = count_round(tasks, round);
                json_decref(tasks);
                if (n_running >= n)
                        return 0;
                nanosleep(&(struct timespec){ .tv_nsec = pause_ns }, NULL);
        }
        return err_set(err, ERR_DEADLINE, "%s: its tasks are not new", name);
}

static void free_dockerd(struct cluster *cluster)
{
        struct dockerd *dockerd = container_of(cluster, struct dockerd, cluster);

        docker_free(dockerd->docker);
        free(dockerd);
}

static const struct cluster_ops ops = {
        .create = create_service,
        .scale = scale,
        .update = change,
        .wait_round = wait_round,
        .remove = remove_service,
        .wait = wait_running,
        .free = free_dockerd,
};

int cluster_docker_new(const char *socket_path, const char *image, struct cluster **ret_cluster,
                       struct err *err)
{
        struct dockerd *dockerd = mem_alloc(sizeof *dockerd);

        dockerd->cluster = (struct cluster){ .ops = &ops, .name = "dockerd", .image = image };
        TRY(docker_new(socket_path, &dockerd->docker, err));
        *ret_cluster = &dockerd->cluster;
        return 0;
}
