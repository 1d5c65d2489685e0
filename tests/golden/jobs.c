/* Jobs of a situation. */
#include "lib/message/message.h"
#include "lib/base/time.h"
#include "tests/golden/specs.h"

static const char *spec_id(struct world *world, const char *name, struct yaml of)
{
        if (!of.node)
                return arena_strdup(&world->arena,
                                    view_service(world->view, an_id(world, name))->spec->spec_id);
        return an_id(world, arena_printf(&world->arena, "%sspec%s", name, yaml_text(of, "")));
}

static Sk__JobStatus__Run *run_of(struct world *world, const char *name, struct yaml from,
                                  int64_t now)
{
        Sk__JobStatus__Run *run = arena_alloc(&world->arena, sizeof *run);

        yaml_allow(from, "iteration age ended of");
        sk__job_status__run__init(run);
        run->iteration = yaml_count_of(yaml_get(from, "iteration"), 1);
        run->started_at_ns = now - yaml_duration(yaml_get(from, "age"), NS_PER_HOUR);
        if (yaml_get(from, "ended").node)
                run->ended_at_ns = now - yaml_duration(yaml_get(from, "ended"), 0);
        run->spec_id = spec_id(world, name, yaml_get(from, "of"));
        return run;
}

static Sk__JobStatus *status_of(struct world *world, const char *name, struct yaml from,
                                int64_t now)
{
        Sk__JobStatus *job = arena_alloc(&world->arena, sizeof *job);
        struct yaml runs = yaml_get(from, "runs");

        yaml_allow(from, "iteration next missed asked of runs");
        sk__job_status__init(job);
        job->iteration = yaml_count_of(yaml_get(from, "iteration"), 1);
        if (yaml_get(from, "next").node)
                job->next_execution_ns = now + yaml_duration(yaml_get(from, "next"), 0);
        job->n_missed = yaml_count_of(yaml_get(from, "missed"), 0);
        job->runs_asked = yaml_count_of(yaml_get(from, "asked"), 0);
        job->spec_id = spec_id(world, name, yaml_get(from, "of"));
        job->runs = arena_alloc(&world->arena, yaml_count(runs) * sizeof *job->runs);
        for (size_t i = 0; i < yaml_count(runs); i++)
                job->runs[job->n_runs++] = run_of(world, name, yaml_at(runs, i), now);
        return job;
}

void situation_job(struct world *world, const char *name, struct yaml from, int64_t now)
{
        const char *id = an_id(world, name);
        Sk__ServiceRevision *revision =
                (Sk__ServiceRevision *)message_copy(&world->arena,
                                                    &view_service(world->view, id)->spec->base);
        Sk__ServiceProgress *progress = arena_alloc(&world->arena, sizeof *progress);

        revision->runs_asked = yaml_count_of(yaml_get(from, "asked"), 0);
        a_part(world, SK__KIND__KIND_SERVICE, id, NULL, PART_SERVICE_spec, &revision->base);
        if (!yaml_get(from, "job").node)
                return;
        sk__service_progress__init(progress);
        progress->job = status_of(world, name, yaml_get(from, "job"), now);
        a_part(world, SK__KIND__KIND_SERVICE, id, NULL, PART_SERVICE_progress, &progress->base);
}
