/* Golden cases: a situation in, a plan out, one file each.
 *
 *         golden_test LOOP FILE...           compares
 *         golden_test --accept LOOP FILE...  writes the plan that was decided into the files */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "manager/allocator/allocator.h"
#include "manager/orchestrator/orchestrator.h"
#include "manager/scheduler/scheduler.h"
#include "tests/golden/plan_text.h"
#include "tests/golden/situation.h"

static const struct reconciler *const loops[] = { &orchestrator, &allocator, &scheduler };

/* The object with the parts that the loop watches. */
static void show(struct view *view, const Sk__KindMask *mask, const struct object_head *object)
{
        const struct object_kind *kind = object_kind(mask->kind);
        Sk__Part parts[OBJECT_PARTS_MAX], *shown[OBJECT_PARTS_MAX];
        Sk__Event event = SK__EVENT__INIT;
        struct arena arena = { 0 };
        struct err err;

        event.op = SK__EVENT__OP__PUT;
        event.kind = mask->kind;
        event.id = object->id;
        event.name = object->name;
        event.meta = object->meta;
        event.parts = shown;
        for (uint32_t i = 0; i < kind->n_parts; i++) {
                const ProtobufCMessage *message = object_part(object, kind, i);
                Sk__Part *part = &parts[i];

                if (!message || !(mask->parts & 1u << i))
                        continue;
                sk__part__init(part);
                part->index = i;
                message_pack(&arena, message, &part->data.data, &part->data.len);
                shown[event.n_parts++] = part;
        }
        CHECK(view_put(view, &event, &err) == 0);
        arena_done(&arena);
}

/* The world as the loop's daemon sees it. */
static struct view *seen_by(const struct reconciler *loop, const struct world *world)
{
        struct view *view = view_new();

        view_set_version(view, view_version(world->view), view_now(world->view));
        for (size_t i = 0; i < loop->n_kinds; i++) {
                struct view_cursor cursor = { 0 };
                const struct object_head *object;

                while ((object = view_each(world->view, loop->kinds[i].kind, &cursor)))
                        show(view, &loop->kinds[i], object);
        }
        return view;
}

/* Decides every key on the same view; no plan is applied in between. */
static void decide_all(const struct reconciler *loop, struct world *world, struct yaml root,
                       struct vec *lines)
{
        struct view *view = seen_by(loop, world);
        size_t limit = yaml_count_of(yaml_get(root, "limit"), 1000);
        const char *only = yaml_text(yaml_get(root, "only"), "");
        struct reconcile_keys keys = { 0 };
        char key[RECONCILE_KEY_SIZE];
        int64_t wake_at = TIME_NEVER;

        loop->touch(view, NULL, NULL, &keys);
        while (reconcile_keys_take(&keys, key)) {
                struct plan plan;

                if (!str_starts_with(key, only))
                        continue;
                plan_init(&plan);
                loop->decide(view, key, NULL, limit, &plan);
                plan_text(world->view, &plan, &world->arena, lines);
                if (plan.wake_at < wake_at)
                        wake_at = plan.wake_at;
                plan_done(&plan);
        }
        reconcile_keys_done(&keys);
        if (wake_at != TIME_NEVER) {
                struct str line = { 0 };

                str_add(&line, "wake in ");
                str_add_duration(&line, wake_at - view_now(world->view));
                vec_push(lines, &(const char *){ arena_strdup(&world->arena, str_text(&line)) });
                str_done(&line);
        }
        view_free(view);
}

static bool is_as_expected(const char *path, struct yaml root, const struct vec *lines)
{
        struct yaml plan = yaml_get(root, "plan");
        size_t n_wanted = yaml_is_sequence(plan) ? yaml_count(plan) : 0;
        bool is_equal = n_wanted == lines->n && plan.node;

        for (size_t i = 0; is_equal && i < n_wanted; i++)
                is_equal = !strcmp(yaml_text(yaml_at(plan, i), ""), VEC_AT(lines, const char *, i));
        if (is_equal)
                return true;
        printf("%s: %s\n", path, yaml_text(yaml_get(root, "case"), "no name"));
        for (size_t i = 0; i < n_wanted; i++)
                printf("  wanted:  %s\n", yaml_text(yaml_at(plan, i), ""));
        for (size_t i = 0; i < lines->n; i++)
                printf("  decided: %s\n", VEC_AT(lines, const char *, i));
        return false;
}

static char *file_read(const char *path)
{
        FILE *file = fopen(path, "r");
        struct str text = { 0 };
        char buffer[4096];
        size_t n;

        CHECK(file);
        while ((n = fread(buffer, 1, sizeof buffer, file)))
                str_add_bytes(&text, buffer, n);
        fclose(file);
        return str_take(&text);
}

/* Everything from "plan:" on is replaced. */
static void accept(const char *path, const struct vec *lines)
{
        char *text = file_read(path), *plan = strstr(text, "\nplan:");
        FILE *file = fopen(path, "w");

        CHECK(file);
        if (plan)
                plan[1] = '\0';
        fputs(text, file);
        fputs(lines->n ? "plan:\n" : "plan: []\n", file);
        for (size_t i = 0; i < lines->n; i++)
                fprintf(file, "  - \"%s\"\n", VEC_AT(lines, const char *, i));
        fclose(file);
        free(text);
}

static bool run(const struct reconciler *loop, const char *path, bool shall_accept)
{
        struct vec lines = VEC_OF(const char *);
        yaml_document_t document;
        struct world world;
        bool is_good = true;

        yaml_read(path, &document);
        world_init(&world);
        situation_build(&world, yaml_root(&document));
        decide_all(loop, &world, yaml_root(&document), &lines);
        if (shall_accept)
                accept(path, &lines);
        else
                is_good = is_as_expected(path, yaml_root(&document), &lines);
        vec_done(&lines);
        world_done(&world);
        yaml_document_delete(&document);
        return is_good;
}

int main(int argc, char **argv)
{
        bool shall_accept = argc > 1 && !strcmp(argv[1], "--accept");
        const struct reconciler *loop = NULL;
        int first = shall_accept ? 2 : 1, n_bad = 0;

        for (size_t i = 0; i < COUNT_OF(loops) && argc > first; i++)
                if (!strcmp(loops[i]->name, argv[first]))
                        loop = loops[i];
        if (!loop || argc < first + 2) {
                fprintf(stderr, "usage: %s [--accept] LOOP FILE...\n", argv[0]);
                return 2;
        }
        for (int i = first + 1; i < argc; i++)
                n_bad += !run(loop, argv[i], shall_accept);
        printf("%d cases, %d differ\n", argc - first - 1, n_bad);
        return n_bad != 0;
}
