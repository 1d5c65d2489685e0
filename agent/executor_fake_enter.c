/* What a fake container runs for whoever goes inside: cat. */
#include "agent/executor_fake_enter.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/mem.h"

struct executor_entry {
        struct loop *loop;
        struct executor_entry_events events;
        void *context;
        struct loop_timer timer; /* what comes next comes by it */
};

static void start(void *context)
{
        struct executor_entry *entry = context;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                abort();
        entry->events.started(entry->context, fds[1], fds[0], -1);
}

static void exited(void *context)
{
        struct executor_entry *entry = context;

        entry->events.exited(entry->context);
}

static void end(void *context)
{
        struct executor_entry *entry = context;

        entry->events.ended(entry->context, 0, NULL);
        free(entry);
}

static void then(struct executor_entry *entry, void (*fire)(void *context))
{
        entry->timer = (struct loop_timer){ .fire = fire, .context = entry };
        loop_timer_set(entry->loop, &entry->timer, 0);
}

struct executor_entry *fake_enter(struct loop *loop, const struct executor_entry_events *events,
                                  void *context)
{
        struct executor_entry *entry = mem_alloc(sizeof *entry);

        entry->loop = loop;
        entry->events = *events;
        entry->context = context;
        then(entry, start);
        return entry;
}

void fake_entry_end_input(struct executor_entry *entry)
{
        loop_timer_cancel(&entry->timer);
        then(entry, exited);
}

void fake_entry_resize(struct executor_entry *entry, uint32_t width, uint32_t height)
{
        (void)entry;
        (void)width;
        (void)height;
}

void fake_entry_finish(struct executor_entry *entry)
{
        loop_timer_cancel(&entry->timer);
        then(entry, end);
}

void fake_entry_leave(struct executor_entry *entry)
{
        loop_timer_cancel(&entry->timer);
        free(entry);
}
