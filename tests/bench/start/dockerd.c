/* Docker in swarm mode, through its HTTP API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
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
                     uint64_t n_replicas)
{
        str_addf(str,
                 "{\"Name\":\"%s\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"%s\","
                 "\"StopSignal\":\"SIGKILL\"},\"RestartPolicy\":{\"Delay\":0}},"
                 "\"Mode\":{\"Replicated\":{\"Replicas\":%llu}}}",
                 name, cluster->image, (unsigned long long)n_replicas);
}

static int create_service(struct cluster *cluster, const char *name, uint64_t n_replicas,
                          struct err *err)
{
        _cleanup_(str_done) struct str spec = { 0 };

        add_spec(&spec, cluster, name, n_replicas);
        return docker_call(docker_of(cluster), "POST", "/services/create", spec.text, NULL, err);
}

static int scale(struct cluster *cluster, const char *name, uint64_t n_replicas, struct err *err)
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
        add_spec(&spec, cluster, name, n_replicas);
        return docker_call(docker_of(cluster), "POST", path, spec.text, NULL, err);
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

static void count(const json_t *tasks, struct cluster_tasks *ret)
{
        const json_t *task;
        size_t i;

        json_array_foreach(tasks, i, task)
        {
                const json_t *status = json_object_get(task, "Status");

                ret->n_all++;
                if (strcmp(text_of(status, "State"), "running") != 0 ||
                    strcmp(text_of(task, "DesiredState"), "running") != 0)
                        continue;
                ret->n_running++;
                snprintf(ret->a_task, sizeof ret->a_task, "%s", text_of(task, "ID"));
                ret->a_pid = json_integer_value(
                        json_object_get(json_object_get(status, "ContainerStatus"), "PID"));
        }
}

static int look(struct cluster *cluster, const char *name, struct cluster_tasks *ret,
                struct err *err)
{
        char path[128];
        json_t *tasks;

        snprintf(path, sizeof path, "/tasks?filters=%%7B%%22service%%22:%%5B%%22%s%%22%%5D%%7D",
                 name);
        TRY(docker_call(docker_of(cluster), "GET", path, NULL, &tasks, err));
        *ret = (struct cluster_tasks){ 0 };
        count(tasks, ret);
        json_decref(tasks);
        return 0;
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
        .remove = remove_service,
        .look = look,
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
