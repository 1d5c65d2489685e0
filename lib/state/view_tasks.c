/* Tasks: by service and slot, by node, by spec, and those that wait for a node. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "lib/state/view_internal.h"

/* --- orders --- */

static int compare_numbers(uint64_t a, uint64_t b)
{
        return (a > b) - (a < b);
}

/* Of one service: by slot, node, generation from the newest down. */
static int compare_places(const Sk__Task *a, const Sk__Task *b)
{
        const Sk__TaskDefinition *x = a->definition, *y = b->definition;
        int order = compare_numbers(x->slot, y->slot);

        if (!order && !x->slot)
                order = strcmp(x->node_id, y->node_id);
        if (!order)
                order = compare_numbers(y->generation, x->generation);
        return order ? order : strcmp(a->id, b->id);
}

int view_compare_tasks(const void *a, const void *b)
{
        const Sk__Task *x = record_task(a), *y = record_task(b);
        int order = strcmp(x->definition->service_id, y->definition->service_id);

        return order ? order : compare_places(x, y);
}

static int compare_service_tasks(const void *a, const void *b)
{
        return compare_places(record_task(a), record_task(b));
}

int view_compare_services(const void *a, const void *b)
{
        const struct service_tasks *x = a, *y = b;

        return strcmp(x->id, y->id);
}

/* --- groups: here as long as they have tasks --- */

static struct service_tasks *get_service(struct view *view, const char *id)
{
        struct service_tasks *service = map_find(&view->services, id);

        if (service)
                return service;
        service = mem_alloc(sizeof *service + strlen(id) + 1);
        strcpy(service->id, id);
        service->tasks = service->unassigned = ORDER_OF(compare_service_tasks);
        map_put(&view->services, service->id, service);
        if (!view_record(view, SK__KIND__KIND_SERVICE, id))
                order_add(&view->orphaned, order_rank_of_text(id), service);
        return service;
}

static void put_back_service(struct view *view, struct service_tasks *service)
{
        if (service->tasks.n)
                return;
        map_remove(&view->services, service->id);
        if (!view_record(view, SK__KIND__KIND_SERVICE, service->id))
                order_remove(&view->orphaned, order_rank_of_text(service->id), service);
        free(service);
}

void view_index_service(struct view *view, const char *id, bool is_there)
{
        struct service_tasks *service = map_find(&view->services, id);

        if (service && is_there)
                order_remove(&view->orphaned, order_rank_of_text(id), service);
        else if (service)
                order_add(&view->orphaned, order_rank_of_text(id), service);
}

static struct node_tasks *get_node(struct view *view, const char *id)
{
        struct node_tasks *node = map_find(&view->nodes, id);

        if (node)
                return node;
        node = mem_alloc(sizeof *node + strlen(id) + 1);
        strcpy(node->id, id);
        node->tasks = ORDER_OF(view_compare_tasks);
        map_put(&view->nodes, node->id, node);
        return node;
}

static struct spec_tasks *get_spec(struct view *view, const char *id)
{
        struct spec_tasks *spec = map_find(&view->specs, id);

        if (spec)
                return spec;
        spec = mem_alloc(sizeof *spec + strlen(id) + 1);
        strcpy(spec->id, id);
        spec->object = view_record(view, SK__KIND__KIND_SERVICE_SPEC, id);
        map_put(&view->specs, spec->id, spec);
        return spec;
}

void view_index_spec(struct view *view, const struct record *record, bool is_there)
{
        struct spec_tasks *spec = map_find(&view->specs, record->object.id);

        if (spec)
                spec->object = is_there ? record : NULL;
}

/* --- keeping the indexes --- */

bool view_is_same_place(const Sk__Task *a, const Sk__Task *b)
{
        const Sk__TaskDefinition *x = a->definition, *y = b->definition;

        if (!x || !y)
                return x == y;
        return x->slot == y->slot && x->generation == y->generation &&
               str_equal(x->service_id, y->service_id) && str_equal(x->spec_id, y->spec_id) &&
               str_equal(x->node_id, y->node_id) && str_equal(task_node(a), task_node(b));
}

bool view_task_waits(const Sk__Task *task)
{
        return task->definition && task_state(task) == SK__TASK_STATE__TASK_PENDING &&
               task_is_wanted(task);
}

static void set_unassigned(struct view *view, struct record *record, bool is_unassigned)
{
        struct service_tasks *service = record->service;
        uint64_t slot = record_task(record)->definition->slot;
        uint64_t rank = order_rank_of_text(service->id);

        record->is_unassigned = is_unassigned;
        if (is_unassigned) {
                order_add(&service->unassigned, slot, record);
                view->n_unassigned++;
                if (service->unassigned.n == 1)
                        order_add(&view->waiting, rank, service);
        } else {
                order_remove(&service->unassigned, slot, record);
                view->n_unassigned--;
                if (!service->unassigned.n)
                        order_remove(&view->waiting, rank, service);
        }
}

void view_index_unassigned(struct view *view, struct record *record)
{
        bool waits = view_task_waits(record_task(record));

        if (record->service && waits != record->is_unassigned)
                set_unassigned(view, record, waits);
}

void view_index_task(struct view *view, struct record *record)
{
        const Sk__Task *task = record_task(record);
        const Sk__TaskDefinition *definition = task->definition;

        if (!definition)
                return;
        record->service = get_service(view, definition->service_id);
        order_add(&record->service->tasks, definition->slot, record);
        record->spec = get_spec(view, definition->spec_id);
        record->spec->n_tasks++;
        if (!str_is_empty(task_node(task))) {
                record->node = get_node(view, task_node(task));
                order_add(&record->node->tasks, order_rank_of_text(definition->service_id), record);
        }
        view_index_unassigned(view, record);
}

void view_unindex_task(struct view *view, struct record *record)
{
        const Sk__TaskDefinition *definition = record_task(record)->definition;

        if (!definition)
                return;
        if (record->is_unassigned)
                set_unassigned(view, record, false);
        if (record->node) {
                order_remove(&record->node->tasks, order_rank_of_text(definition->service_id),
                             record);
                if (!record->node->tasks.n)
                        free(map_remove(&view->nodes, record->node->id));
        }
        if (!--record->spec->n_tasks)
                free(map_remove(&view->specs, record->spec->id));
        order_remove(&record->service->tasks, definition->slot, record);
        put_back_service(view, record->service);
        record->service = NULL;
        record->node = NULL;
        record->spec = NULL;
}

void view_drop_indexes(struct view *view)
{
        struct service_tasks *service;
        struct node_tasks *node;
        struct spec_tasks *spec;
        size_t at = 0;

        order_done(&view->waiting);
        order_done(&view->orphaned);
        while ((service = map_next(&view->services, &at))) {
                order_done(&service->tasks);
                order_done(&service->unassigned);
                free(service);
        }
        for (at = 0; (node = map_next(&view->nodes, &at));) {
                order_done(&node->tasks);
                free(node);
        }
        for (at = 0; (spec = map_next(&view->specs, &at));)
                free(spec);
        map_done(&view->services);
        map_done(&view->nodes);
        map_done(&view->specs);
        view->n_unassigned = 0;
}

/* --- looking --- */

static const Sk__Task *next_task(const struct order *order, struct view_cursor *cursor)
{
        struct order_cursor place = { cursor->at, cursor->i };
        const struct record *record = order_next(order, &place);

        *cursor = (struct view_cursor){ place.leaf, place.i };
        return record ? record_task(record) : NULL;
}

static const Sk__Task *task_at(const struct order *order, struct order_cursor place)
{
        const struct record *record = order_next(order, &place);

        return record ? record_task(record) : NULL;
}

const Sk__Task *view_slot_newest(const struct view *view, const char *service_id, uint64_t slot)
{
        const struct service_tasks *service = map_find(&view->services, service_id);
        const Sk__Task *task;

        if (!service || !slot)
                return NULL;
        task = task_at(&service->tasks, order_seek(&service->tasks, slot, NULL, NULL));
        return task && task->definition->slot == slot ? task : NULL;
}

static int compare_node_slot(const void *node_id, const void *record)
{
        int order = strcmp(node_id, record_task(record)->definition->node_id);

        return order ? order : -1; /* before all of that node */
}

const Sk__Task *view_node_slot_newest(const struct view *view, const char *service_id,
                                      const char *node_id)
{
        const struct service_tasks *service = map_find(&view->services, service_id);
        const Sk__Task *task;

        if (!service || !node_id)
                return NULL;
        task = task_at(&service->tasks, order_seek(&service->tasks, 0, node_id, compare_node_slot));
        return task && !task->definition->slot && str_equal(task->definition->node_id, node_id)
                       ? task
                       : NULL;
}

const Sk__Task *view_slot_older(const struct view *view, const Sk__Task *task)
{
        const struct record *record = record_of((const struct object_head *)task);
        const Sk__TaskDefinition *definition = task->definition, *next;
        struct order_cursor place;
        const Sk__Task *older;

        (void)view;
        if (!record->service)
                return NULL;
        place = order_seek(&record->service->tasks, definition->slot, record,
                           compare_service_tasks);
        CHECK(order_next(&record->service->tasks, &place) == record);
        older = task_at(&record->service->tasks, place);
        if (!older)
                return NULL;
        next = older->definition;
        if (next->slot != definition->slot ||
            (!next->slot && !str_equal(next->node_id, definition->node_id)))
                return NULL;
        return older;
}

uint64_t view_slots_max(const struct view *view, const char *service_id)
{
        const struct service_tasks *service = map_find(&view->services, service_id);
        const struct record *last = service ? order_last(&service->tasks) : NULL;

        return last ? record_task(last)->definition->slot : 0;
}

size_t view_count_service_tasks(const struct view *view, const char *service_id)
{
        const struct service_tasks *service = map_find(&view->services, service_id);

        return service ? service->tasks.n : 0;
}

const Sk__Task *view_each_service_task(const struct view *view, const char *service_id,
                                       struct view_cursor *cursor)
{
        const struct service_tasks *service;

        if (cursor->at)
                return next_task(NULL, cursor);
        service = map_find(&view->services, service_id);
        return service ? next_task(&service->tasks, cursor) : NULL;
}

size_t view_count_node_tasks(const struct view *view, const char *node_id)
{
        const struct node_tasks *node = map_find(&view->nodes, node_id);

        return node ? node->tasks.n : 0;
}

const Sk__Task *view_each_node_task(const struct view *view, const char *node_id,
                                    struct view_cursor *cursor)
{
        const struct node_tasks *node;

        if (cursor->at)
                return next_task(NULL, cursor);
        node = map_find(&view->nodes, node_id);
        return node ? next_task(&node->tasks, cursor) : NULL;
}

size_t view_count_unassigned(const struct view *view)
{
        return view->n_unassigned;
}

/* The cursor's place is in the tree of one service; the task it last gave tells which. */
const Sk__Task *view_each_unassigned(const struct view *view, struct view_cursor *cursor)
{
        struct order_cursor place = { cursor->at, cursor->i }, services = { 0 };
        const struct service_tasks *service;
        const struct record *record;

        if (place.leaf) {
                record = order_before(place);
                service = record->service;
                record = order_next(&service->unassigned, &place);
                *cursor = (struct view_cursor){ place.leaf, place.i };
                if (record)
                        return record_task(record);
                services = order_seek(&view->waiting, order_rank_of_text(service->id), service,
                                      view_compare_services);
                order_next(&view->waiting, &services);
        }
        service = order_next(&view->waiting, &services);
        if (!service)
                return NULL;
        place = (struct order_cursor){ 0 };
        record = order_next(&service->unassigned, &place);
        *cursor = (struct view_cursor){ place.leaf, place.i };
        return record_task(record);
}

const char *view_each_orphaned_service(const struct view *view, struct view_cursor *cursor)
{
        struct order_cursor place = { cursor->at, cursor->i };
        const struct service_tasks *service = order_next(&view->orphaned, &place);

        *cursor = (struct view_cursor){ place.leaf, place.i };
        return service ? service->id : NULL;
}

const Sk__ServiceSpecRevision *view_task_spec(const struct view *view, const Sk__Task *task)
{
        const struct spec_tasks *spec = record_of((const struct object_head *)task)->spec;
        const Sk__ServiceSpecObject *object;

        (void)view;
        if (!spec || !spec->object)
                return NULL;
        object = (const void *)&spec->object->object;
        return object->spec;
}

size_t view_count_spec_tasks(const struct view *view, const char *spec_id)
{
        const struct spec_tasks *spec = map_find(&view->specs, spec_id);

        return spec ? spec->n_tasks : 0;
}
