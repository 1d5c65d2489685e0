/* What a node must know, and what it was told. */
#include "dispatcher/assignment.h"

#include <stdlib.h>
#include <string.h>

#include "dispatcher/builder.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"

struct told_file {
        char id[ID_SIZE];
        enum message_list list; /* secrets, configs or networks */
        uint64_t version;       /* told; 0: not yet */
        size_t n_users;         /* specs with active tasks that name it */
        size_t n_specs;         /* specs that name it */
};

struct told_spec {
        char id[ID_SIZE];
        bool is_told;
        size_t n_tasks, n_active;
        struct told_file **files;
        size_t n_files;
};

struct told_task {
        char id[ID_SIZE];
        bool is_active; /* may still run: needs files */
        uint64_t version;
        struct assignment *holder;
        struct told_spec *spec;
        struct told_task *previous, *next;
};

/* A task to look at. */
struct touched {
        char id[ID_SIZE];
        struct touched *next;
};

void assignment_init(struct assignment *assignment, const char *node_id,
                     struct assignment_index *index)
{
        *assignment = (struct assignment){ .node_id = node_id, .index = index };
}

void assignment_index_done(struct assignment_index *index)
{
        map_done(&index->tasks);
}

static void free_spec(struct told_spec *spec)
{
        free(spec->files);
        free(spec);
}

static void forget_first_touched(struct assignment *assignment)
{
        struct touched *first = assignment->first_touched;

        assignment->first_touched = first->next;
        if (!first->next)
                assignment->last_touched = NULL;
        map_remove(&assignment->touched, first->id);
        free(first);
}

void assignment_done(struct assignment *assignment)
{
        struct told_task *next;
        void *value;

        for (struct told_task *task = assignment->tasks; task; task = next) {
                next = task->next;
                map_remove(&assignment->index->tasks, task->id);
                free(task);
        }
        for (size_t at = 0; (value = map_next(&assignment->specs, &at));)
                free_spec(value);
        for (size_t at = 0; (value = map_next(&assignment->files, &at));)
                free(value);
        map_done(&assignment->specs);
        map_done(&assignment->files);
        while (assignment->first_touched)
                forget_first_touched(assignment);
        map_done(&assignment->touched);
}

void assignment_touch(struct assignment *assignment, const char *task_id)
{
        struct touched *touched;

        if (strlen(task_id) >= ID_SIZE || map_find(&assignment->touched, task_id))
                return;
        touched = mem_alloc(sizeof *touched);
        memcpy(touched->id, task_id, strlen(task_id) + 1);
        map_put(&assignment->touched, touched->id, touched);
        *(assignment->last_touched ? &assignment->last_touched->next : &assignment->first_touched) =
                touched;
        assignment->last_touched = touched;
}

void assignment_touch_all(struct assignment *assignment, const struct view *view)
{
        struct view_cursor cursor = {};
        const Sk__Task *task;

        assignment->is_stale = true;
        for (const struct told_task *told = assignment->tasks; told; told = told->next)
                assignment_touch(assignment, told->id);
        while ((task = view_each_node_task(view, assignment->node_id, &cursor)))
                assignment_touch(assignment, task->id);
}

bool assignment_touch_file(struct assignment *assignment, const char *id)
{
        if (!map_find(&assignment->files, id))
                return false;
        assignment->is_stale = true;
        return true;
}

struct assignment *assignment_holder(const struct assignment_index *index, const char *task_id)
{
        const struct told_task *told = map_find(&index->tasks, task_id);

        return told ? told->holder : NULL;
}

size_t assignment_count_touched(const struct assignment *assignment)
{
        return assignment->touched.n;
}

bool assignment_is_touched(const struct assignment *assignment)
{
        return assignment->touched.n || assignment->is_unused || assignment->is_stale ||
               assignment->is_open || !assignment->has_set;
}

/* --- files: secrets, configs, networks --- */

/* Tells the file unless this version was told already. */
static void tell_file(struct builder *builder, struct told_file *file, const struct view *view)
{
        const struct object_head *object = view_find(view, builder_kind(file->list), file->id);

        if (!object || object_version(object) == file->version)
                return;
        builder_add_object(builder, object, file->list);
        file->version = object_version(object);
}

static void use_file(struct assignment *assignment, struct told_spec *spec, enum message_list list,
                     const char *id)
{
        struct told_file *file;

        if (str_is_empty(id) || strlen(id) >= ID_SIZE)
                return;
        file = map_find(&assignment->files, id);
        if (!file) {
                file = mem_alloc(sizeof *file);
                memcpy(file->id, id, strlen(id) + 1);
                file->list = list;
                map_put(&assignment->files, file->id, file);
        }
        file->n_specs++;
        file->n_users += spec->n_active > 0;
        spec->files[spec->n_files++] = file;
}

/* --- specs --- */

static void use_files(struct assignment *assignment, struct told_spec *spec,
                      const Sk__TaskSpec *task)
{
        const Sk__ContainerSpec *container = task->container;
        size_t n = task->n_networks + (container ? container->n_secrets + container->n_configs : 0);

        spec->files = mem_alloc_array(n, sizeof(struct told_file *));
        for (size_t i = 0; container && i < container->n_secrets; i++)
                use_file(assignment, spec, LIST_SECRETS, container->secrets[i]->id);
        for (size_t i = 0; container && i < container->n_configs; i++)
                use_file(assignment, spec, LIST_CONFIGS, container->configs[i]->id);
        for (size_t i = 0; i < task->n_networks; i++)
                use_file(assignment, spec, LIST_NETWORKS, task->networks[i]->target);
}

static struct told_spec *told_spec(struct assignment *assignment, const char *id)
{
        struct told_spec *spec = map_find(&assignment->specs, id);

        if (!spec) {
                spec = mem_alloc(sizeof *spec);
                memcpy(spec->id, id, strlen(id) + 1);
                map_put(&assignment->specs, spec->id, spec);
                assignment->is_unused = true; /* until a task uses it */
        }
        return spec;
}

static void tell_spec(struct builder *builder, struct assignment *assignment,
                      struct told_spec *spec, const struct view *view)
{
        const Sk__ServiceSpecObject *object = view_service_spec(view, spec->id);

        if (spec->is_told || !object || !object->spec)
                return;
        builder_add_object(builder, (const struct object_head *)object, LIST_SPECS);
        spec->is_told = true;
        if (object->spec->spec && object->spec->spec->task)
                use_files(assignment, spec, object->spec->spec->task);
}

static void use_spec(struct told_spec *spec, bool is_active)
{
        spec->n_tasks++;
        if (!is_active || spec->n_active++ > 0)
                return;
        for (size_t i = 0; i < spec->n_files; i++)
                spec->files[i]->n_users++;
}

static void unuse_spec(struct assignment *assignment, struct told_spec *spec, bool is_active)
{
        assignment->is_unused = true;
        spec->n_tasks--;
        if (!is_active || --spec->n_active > 0)
                return;
        for (size_t i = 0; i < spec->n_files; i++)
                spec->files[i]->n_users--;
}

/* --- tasks --- */

static bool is_needed(const struct assignment *assignment, const Sk__Task *task)
{
        return task && task->definition && str_equal(task_node(task), assignment->node_id) &&
               task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED &&
               strlen(task->definition->spec_id) < ID_SIZE;
}

static bool is_active(const Sk__Task *task)
{
        return !task_is_over(task) &&
               task->definition->desired_state <= SK__TASK_STATE__TASK_COMPLETE;
}

/* The version of what is told of a task: all but its status. */
static uint64_t told_version(const Sk__Task *task)
{
        uint64_t version = 0;

        for (size_t part = 0; part < 3; part++) {
                uint64_t v = object_part_version((const struct object_head *)task, part);

                version = v > version ? v : version;
        }
        return version;
}

static void forget_task(struct assignment *assignment, struct told_task *told)
{
        unuse_spec(assignment, told->spec, told->is_active);
        map_remove(&assignment->index->tasks, told->id);
        if (told->previous)
                told->previous->next = told->next;
        else
                assignment->tasks = told->next;
        if (told->next)
                told->next->previous = told->previous;
        free(told);
}

static struct told_task *remember_task(struct assignment *assignment, const char *id)
{
        struct told_task *told = mem_alloc(sizeof *told);

        memcpy(told->id, id, strlen(id) + 1);
        told->holder = assignment;
        told->next = assignment->tasks;
        if (told->next)
                told->next->previous = told;
        assignment->tasks = told;
        map_put(&assignment->index->tasks, told->id, told);
        return told;
}

/* Returns false when the message got full before the task was in it. */
static bool tell_task(struct assignment *assignment, const struct view *view,
                      struct told_task *told, const Sk__Task *task, struct builder *builder)
{
        struct told_spec *spec = told_spec(assignment, task->definition->spec_id);
        uint64_t version = told_version(task);
        bool active = is_active(task);

        tell_spec(builder, assignment, spec, view);
        for (size_t i = 0; active && i < spec->n_files && !builder_is_full(builder); i++)
                tell_file(builder, spec->files[i], view);
        if (builder_is_full(builder))
                return false;
        if (!told || told->version != version)
                builder_add_object(builder, (const struct object_head *)task, LIST_TASKS);
        if (told)
                unuse_spec(assignment, told->spec, told->is_active);
        else
                told = remember_task(assignment, task->id);
        use_spec(spec, active);
        told->spec = spec;
        told->version = version;
        told->is_active = active;
        return true;
}

static bool look_at(struct assignment *assignment, const struct view *view, const char *id,
                    struct builder *builder)
{
        struct told_task *told = map_find(&assignment->index->tasks, id);
        const Sk__Task *task = view_task(view, id);

        if (told && told->holder != assignment)
                return true;
        if (!is_needed(assignment, task)) {
                if (!told)
                        return true;
                builder_remove(builder, LIST_TASKS, id);
                forget_task(assignment, told);
                return true;
        }
        if (told && told->version == told_version(task) && told->is_active == is_active(task))
                return true;
        return tell_task(assignment, view, told, task, builder);
}

/* --- what is needed no more, or has changed --- */

static void sweep(struct assignment *assignment, struct builder *builder)
{
        struct told_spec *spec;
        struct told_file *file;

        assignment->is_unused = false;
        for (size_t at = 0; (spec = map_next(&assignment->specs, &at));) {
                if (spec->n_tasks)
                        continue;
                if (spec->is_told)
                        builder_remove(builder, LIST_SPECS, spec->id);
                for (size_t i = 0; i < spec->n_files; i++)
                        spec->files[i]->n_specs--;
                map_remove(&assignment->specs, spec->id);
                free_spec(spec);
        }
        for (size_t at = 0; (file = map_next(&assignment->files, &at));) {
                if (file->n_users)
                        continue;
                if (file->version)
                        builder_remove(builder, file->list, file->id);
                file->version = 0;
                if (!file->n_specs)
                        free(map_remove(&assignment->files, file->id));
        }
}

static void refresh(struct assignment *assignment, const struct view *view, struct builder *builder)
{
        struct told_file *file;

        assignment->is_stale = false;
        for (size_t at = 0; (file = map_next(&assignment->files, &at));)
                if (file->n_users)
                        tell_file(builder, file, view);
}

/* Looks at what was touched, in order, until the message is full. */
static void look(struct assignment *assignment, const struct view *view, struct builder *builder)
{
        while (assignment->first_touched && !builder_is_full(builder) &&
               look_at(assignment, view, assignment->first_touched->id, builder))
                forget_first_touched(assignment);
}

const Sk__Assignments *assignment_next(struct assignment *assignment, const struct view *view,
                                       size_t size_max, struct arena *arena)
{
        struct builder builder;
        bool begins = !assignment->is_open, is_last;
        Sk__Assignments *out;

        if (!assignment_is_touched(assignment))
                return NULL;
        builder_init(&builder, arena, size_max);
        if (!assignment->has_set && begins)
                assignment_touch_all(assignment, view);
        look(assignment, view, &builder);
        is_last = assignment->touched.n == 0;
        if (is_last && assignment->is_stale)
                refresh(assignment, view, &builder);
        if (is_last && assignment->is_unused)
                sweep(assignment, &builder);
        out = builder_finish(&builder);
        if (!out && is_last && begins && assignment->has_set)
                return NULL;
        if (!out)
                out = builder_nothing(&builder);
        out->type = assignment->has_set ? SK__ASSIGNMENTS__TYPE__INCREMENTAL
                                        : SK__ASSIGNMENTS__TYPE__COMPLETE;
        assignment->sequence += begins;
        out->sequence = assignment->sequence;
        out->is_last = is_last;
        assignment->is_open = !is_last;
        assignment->has_set |= is_last;
        return out;
}
