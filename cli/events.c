/* skep events. */
#include "cli/events.h"

#include <string.h>

#include "cli/print.h"
#include "cli/when.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"

const struct flag event_flags[] = {
        { "filter", 'f', FLAG_FILTER, NULL, "Filter output based on conditions provided", NULL },
        { "format", 0, FLAG_STRING, NULL,
          "Format output using a custom template: 'json', or TEMPLATE", NULL },
        { "since", 0, FLAG_STRING, NULL,
          "Show also what happened since then, as far as objects still show it", NULL },
        { "until", 0, FLAG_STRING, NULL, "Stream events until this timestamp", NULL },
        { 0 },
};

static int by_key(const void *a, const void *b)
{
        const Sk__Label *const *x = a, *const *y = b;

        return strcmp((*x)->key, (*y)->key);
}

void event_line(struct str *out, const Sk__ClusterEvent *event)
{
        _cleanup_(vec_done) struct vec sorted = VEC_OF(const Sk__Label *);
        size_t start;

        for (size_t i = 0; i < event->n_attributes; i++)
                vec_push(&sorted, &event->attributes[i]);
        vec_sort(&sorted, by_key);
        str_add_time(out, event->at_ns);
        start = out->length;
        str_addf(out, " %s %s %s", event->type, event->action, event->id);
        for (size_t i = 0; i < sorted.n; i++) {
                const Sk__Label *label = VEC_AT(&sorted, const Sk__Label *, i);

                str_addf(out, "%s%s=%s", i ? ", " : " (", label->key, label->value);
        }
        str_add(out, sorted.n ? ")" : "");
        text_make_printable(out->text + start, out->length - start, "");
        str_add_char(out, '\n');
}

struct listening {
        struct cli *cli;
        const char *format;
        struct loop_timer timer;
        bool has_failed;
};

static int add_event(struct listening *listening, const Sk__ClusterEvent *event, struct str *out)
{
        json_t *value;
        int result;

        if (!listening->format) {
                event_line(out, event);
                return 0;
        }
        value = docker_event(event);
        result = template_line(listening->format, value, out, &listening->cli->err);
        json_decref(value);
        return result;
}

static bool events_came(struct cli *cli, void *context, const void *message)
{
        _cleanup_(str_done) struct str out = { 0 };
        const Sk__StreamEventsResponse *response = message;
        struct listening *listening = context;

        (void)cli;
        for (size_t i = 0; i < response->n_events && !listening->has_failed; i++) {
                if (add_event(listening, response->events[i], &out) < 0)
                        listening->has_failed = true;
        }
        print_text(&out);
        return !listening->has_failed;
}

static void time_is_over(void *context)
{
        struct listening *listening = context;

        listening->cli->stops = true;
}

/* Docker's clusters have local events too; here there are none, so "scope=swarm" says nothing. */
static void drop_scope(Sk__StreamEventsRequest *request)
{
        for (size_t i = 0; i < request->n_filters; i++)
                if (strcmp(request->filters[i]->key, "scope") == 0 &&
                    str_equal(request->filters[i]->values[0], "swarm"))
                        request->filters[i] = request->filters[--request->n_filters];
}

int events_run(struct cli *cli, const struct arguments *arguments)
{
        Sk__StreamEventsRequest request = SK__STREAM_EVENTS_REQUEST__INIT;
        struct listening listening = { .cli = cli, .format = format_argument(arguments) };
        int64_t now_ns = loop_now(cli->loop);
        int result;

        if (template_check(cli, arguments))
                return EXIT_TEMPLATE;
        listening.timer = (struct loop_timer){ .fire = time_is_over, .context = &listening };
        filters_from(cli, arguments, &request.filters, &request.n_filters);
        drop_scope(&request);
        if (when_parse(argument(arguments, "since"), now_ns, &request.since_ns, &cli->err) < 0 ||
            when_parse(argument(arguments, "until"), now_ns, &request.until_ns, &cli->err) < 0)
                return print_failure(cli);
        /* With an end in the past the stream ends by itself. */
        if (request.until_ns > now_ns)
                loop_timer_set(cli->loop, &listening.timer, request.until_ns - now_ns);
        result = cli_stream(cli, RPC_METHOD(control, StreamEvents), &request.base, events_came,
                            &listening);
        loop_timer_cancel(&listening.timer);
        if (listening.has_failed)
                return print_failure(cli);
        return result < 0 && !cli->stops ? cli_fail(cli) : 0;
}
