/* Which statuses wait, which are in flight. */
#include "agent/report.h"

#include <string.h>

void report_queue_init(struct report_queue *queue)
{
        *queue = (struct report_queue){ .waiting = VEC_OF(struct report *),
                                        .in_flight = VEC_OF(struct report *) };
}

void report_queue_done(struct report_queue *queue)
{
        vec_done(&queue->waiting);
        vec_done(&queue->in_flight);
}

void report_add(struct report_queue *queue, struct report *report)
{
        if (report->is_waiting)
                return;
        report->is_waiting = true;
        vec_push(&queue->waiting, &report);
}

static void blank(struct vec *reports, const struct report *report)
{
        for (size_t i = 0; i < reports->n; i++)
                if (VEC_AT(reports, struct report *, i) == report)
                        VEC_AT(reports, struct report *, i) = NULL;
}

void report_forget(struct report_queue *queue, struct report *report)
{
        if (report->is_waiting)
                blank(&queue->waiting, report);
        if (report->is_in_flight)
                blank(&queue->in_flight, report);
        *report = (struct report){};
}

bool report_take(struct report_queue *queue, size_t limit)
{
        size_t i;

        if (queue->in_flight.n)
                return false;
        for (i = 0; i < queue->waiting.n && queue->in_flight.n < limit; i++) {
                struct report *report = VEC_AT(&queue->waiting, struct report *, i);

                if (!report)
                        continue;
                report->is_waiting = false;
                report->is_in_flight = true;
                vec_push(&queue->in_flight, &report);
        }
        if (i) {
                queue->waiting.n -= i;
                memmove(queue->waiting.data, (struct report **)queue->waiting.data + i,
                        queue->waiting.n * sizeof(struct report *));
        }
        if (!queue->in_flight.n)
                return false;
        queue->sequence++;
        return true;
}

void report_acknowledge(struct report_queue *queue, uint64_t sequence)
{
        if (sequence != queue->sequence)
                return;
        for (size_t i = 0; i < queue->in_flight.n; i++) {
                struct report *report = VEC_AT(&queue->in_flight, struct report *, i);

                if (report)
                        report->is_in_flight = false;
        }
        vec_clear(&queue->in_flight);
}

void report_restart(struct report_queue *queue)
{
        for (size_t i = 0; i < queue->in_flight.n; i++) {
                struct report *report = VEC_AT(&queue->in_flight, struct report *, i);

                if (!report)
                        continue;
                report->is_in_flight = false;
                report_add(queue, report);
        }
        vec_clear(&queue->in_flight);
}
