/* Feeds: from a mark in the order of last changes to messages. */
#include "manager/store/feed.h"

#include "lib/base/check.h"

uint32_t feed_readable(Sk__Kind kind, uint32_t wanted, uint32_t roles)
{
        const struct object_kind *row = object_kind(kind);
        uint32_t readable = 0;

        for (size_t i = 0; i < row->n_parts; i++)
                if (row->parts[i].readers & roles)
                        readable |= 1u << i;
        return readable & wanted;
}

/* From the beginning: everything there is, without what was removed before. */
static void from_snapshot(struct feed *feed, struct state *state)
{
        state_mark_first(state, &feed->mark);
        feed->told = 0;
        feed->passed = state_version(state);
        feed->reached = 0;
}

/* Was a removal forgotten that this reader is still to be told?  Of the version it has reached some
 * may lie ahead. */
static bool missed_removals(const struct feed *feed)
{
        uint64_t forgotten = state_forgotten(feed->mark.state);

        return feed->passed < forgotten && feed->reached <= forgotten;
}

int feed_init(struct feed *feed, struct state *state, const Sk__WatchRequest *request,
              uint32_t roles, struct err *err)
{
        if (!request->n_kinds)
                return err_set(err, ERR_INVALID, "name the kinds to watch");
        if (!feed->events_max)
                feed->events_max = FEED_EVENTS;
        for (size_t i = 0; i < request->n_kinds; i++) {
                const Sk__KindMask *mask = request->kinds[i];

                if (!object_kind(mask->kind))
                        return err_set(err, ERR_INVALID, "%d is no kind of object",
                                       (int)mask->kind);
                feed->has_kind[mask->kind] = true;
                feed->parts[mask->kind] |= feed_readable(mask->kind, mask->parts, roles);
        }
        if (!request->from_version) {
                from_snapshot(feed, state);
                return 0;
        }
        if (request->from_version < state_forgotten(state)) {
                feed->restarts = true;
                from_snapshot(feed, state);
                return 0;
        }
        state_mark_after(state, &feed->mark, request->from_version);
        feed->told = feed->passed = request->from_version;
        return 0;
}

void feed_done(struct feed *feed)
{
        state_mark_remove(&feed->mark);
}

void feed_restart(struct feed *feed, struct state *state)
{
        feed->restarts = true;
        from_snapshot(feed, state);
}

bool feed_has_news(const struct feed *feed)
{
        return feed->restarts || feed->told < state_version(feed->mark.state);
}

static bool is_news(const struct feed *feed, const struct record *record)
{
        if (!feed->has_kind[record->kind] || record->version <= feed->told)
                return false;
        if (record->is_removed)
                return record->version > feed->passed;
        if (record->head_version > feed->told)
                return true;
        for (uint32_t i = 0; i < OBJECT_PARTS_MAX; i++)
                if (feed->parts[record->kind] & 1u << i && record->part_versions[i] > feed->told)
                        return true;
        return false;
}

/* Fills the message from the order; true when the end was reached. */
static bool add_events(struct feed *feed, struct arena *arena, Sk__WatchResponse *ret)
{
        const struct record *record;
        size_t bytes = 0;

        while (ret->n_events < feed->events_max && bytes < FEED_BYTES) {
                record = state_mark_next(&feed->mark);
                if (!record)
                        return true;
                feed->reached = record->version;
                if (!is_news(feed, record))
                        continue;
                if (!ret->events)
                        ret->events = arena_alloc(arena, feed->events_max * sizeof *ret->events);
                ret->events[ret->n_events++] =
                        record_event(record, feed->parts[record->kind], feed->told, arena);
                bytes += record_size(record);
        }
        return false;
}

bool feed_next(struct feed *feed, struct arena *arena, Sk__WatchResponse *ret)
{
        struct state *state = feed->mark.state;

        sk__watch_response__init(ret);
        if (!feed_has_news(feed))
                return false;
        if (missed_removals(feed)) {
                feed->restarts = true;
                from_snapshot(feed, state);
        }
        ret->restart = feed->restarts;
        feed->restarts = false;
        if (add_events(feed, arena, ret)) {
                ret->version = feed->told = state_version(state);
                ret->time_ns = state_time(state);
                feed->passed = feed->told;
        }
        return true;
}
