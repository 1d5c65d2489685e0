/* Health: settings and verdicts. */
#include "agent/oci/health.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/base/utf8.h"
#include "lib/message/message.h"

/* Whoever fails may fail for another reason by now. */
#define TELL_AGAIN_NS (10 * NS_PER_S)

static const struct oci_health defaults = {
        .interval_ns = 30 * NS_PER_S,
        .timeout_ns = 30 * NS_PER_S,
        .start_interval_ns = 5 * NS_PER_S,
        .retries = 3,
};

static int64_t choose(int64_t spec, int64_t image, int64_t otherwise)
{
        return spec > 0 ? spec : image > 0 ? image : otherwise;
}

struct oci_words health_program(struct oci_words test, struct arena *arena)
{
        const char **words;

        if (test.n >= 2 && str_equal(test.words[0], "CMD"))
                return (struct oci_words){ test.words + 1, test.n - 1 };
        if (test.n != 2 || !str_equal(test.words[0], "CMD-SHELL"))
                return (struct oci_words){ 0 };
        words = arena_alloc(arena, 3 * sizeof *words);
        words[0] = "/bin/sh";
        words[1] = "-c";
        words[2] = test.words[1];
        return (struct oci_words){ words, 3 };
}

static bool needs_no_program(const struct oci_words *test)
{
        return test->n == 2 &&
               (str_equal(test->words[0], "HTTP") || str_equal(test->words[0], "TCP") ||
                str_equal(test->words[0], "GRPC"));
}

bool health_settings(const Sk__HealthConfig *spec, const struct oci_health *image,
                     struct arena *arena, struct oci_health *ret)
{
        static const Sk__HealthConfig nothing = SK__HEALTH_CONFIG__INIT;
        struct oci_words test = image->test;

        spec = spec ? spec : &nothing;
        if (spec->n_test > 0)
                test = (struct oci_words){ (const char *const *)spec->test, spec->n_test };
        *ret = (struct oci_health){
                .test = test,
                .interval_ns = choose(spec->interval_ns, image->interval_ns, defaults.interval_ns),
                .timeout_ns = choose(spec->timeout_ns, image->timeout_ns, defaults.timeout_ns),
                .start_period_ns = choose(spec->start_period_ns, image->start_period_ns, 0),
                .start_interval_ns = choose(spec->start_interval_ns, image->start_interval_ns,
                                            defaults.start_interval_ns),
                .retries = choose(spec->retries, image->retries, defaults.retries),
        };
        return needs_no_program(&test) || health_program(test, arena).n > 0;
}

void health_begin(struct health *health, const struct oci_health *settings, int64_t now_ns)
{
        *health = (struct health){ .settings = *settings, .started_ns = now_ns };
}

void health_done(struct health *health)
{
        for (size_t i = 0; i < health->n_results; i++)
                free(health->results[i].output);
        health->n_results = 0;
}

static bool is_in_start_period(const struct health *health, int64_t now_ns)
{
        return health->verdict == HEALTH_STARTING &&
               now_ns - health->started_ns < health->settings.start_period_ns;
}

int64_t health_pause(const struct health *health, int64_t now_ns)
{
        return is_in_start_period(health, now_ns) ? health->settings.start_interval_ns
                                                  : health->settings.interval_ns;
}

/* --- what probes said --- */

/* Bytes that are no text become '?': what is told must be. */
static char *text_of(const char *output, size_t size)
{
        struct str text = { 0 };
        size_t n;

        for (size_t i = 0; i < size; i += n ? n : 1) {
                n = output[i] ? utf8_next(output + i, size - i) : 0;
                if (text.length + (n ? n : 1) > HEALTH_OUTPUT_MAX) {
                        str_add(&text, "...");
                        break;
                }
                if (n)
                        str_add_bytes(&text, output + i, n);
                else
                        str_add_char(&text, '?');
        }
        return str_take(&text);
}

static void keep(struct health *health, const struct health_result *result, char *output)
{
        struct health_result *place;

        if (health->n_results == HEALTH_RESULTS) {
                free(health->results[0].output);
                memmove(health->results, health->results + 1,
                        --health->n_results * sizeof *health->results);
        }
        place = &health->results[health->n_results++];
        *place = *result;
        place->output = output;
}

/* --- verdicts --- */

static void judge(struct health *health, bool is_well, int64_t now_ns)
{
        if (is_well) {
                health->n_failures = 0;
                health->verdict = HEALTH_HEALTHY;
        } else if (!is_in_start_period(health, now_ns) &&
                   ++health->n_failures >= health->settings.retries &&
                   !(health->may_recover && health->verdict == HEALTH_STARTING)) {
                health->verdict = HEALTH_UNHEALTHY;
        }
}

bool health_probed(struct health *health, const struct health_result *result, const char *output,
                   size_t output_size, int64_t now_ns)
{
        bool is_well = result->exit_code == 0;
        bool was_well =
                health->n_results > 0 && health->results[health->n_results - 1].exit_code == 0;
        bool is_first = health->n_results == 0;
        enum health_verdict before = health->verdict;

        if (before == HEALTH_UNHEALTHY && !health->may_recover)
                return false;
        keep(health, result, text_of(output, output_size));
        judge(health, is_well, now_ns);
        if (!is_first && was_well == is_well && health->verdict == before &&
            (is_well || now_ns - health->told_ns < TELL_AGAIN_NS))
                return false;
        health->told_ns = now_ns;
        return true;
}

/* --- shown, and written down --- */

Sk__HealthStatus *health_status(const struct health *health, struct arena *arena)
{
        static const Sk__HealthStatus__State states[] = { SK__HEALTH_STATUS__STATE__STARTING,
                                                          SK__HEALTH_STATUS__STATE__HEALTHY,
                                                          SK__HEALTH_STATUS__STATE__UNHEALTHY };
        Sk__HealthStatus *status = arena_alloc(arena, sizeof *status);

        sk__health_status__init(status);
        status->state = states[health->verdict];
        status->failing_streak = (uint32_t)health->n_failures;
        status->results = arena_alloc(arena, HEALTH_RESULTS * sizeof *status->results);
        for (size_t i = 0; i < health->n_results; i++) {
                Sk__HealthStatus__Result *result = arena_alloc(arena, sizeof *result);

                sk__health_status__result__init(result);
                result->started_at_ns = health->results[i].started_ns;
                result->ended_at_ns = health->results[i].ended_ns;
                result->exit_code = health->results[i].exit_code;
                result->output = arena_strdup(arena, health->results[i].output);
                status->results[status->n_results++] = result;
        }
        return status;
}

void health_write(const struct health *health, struct arena *arena, uint8_t **ret_data,
                  size_t *ret_size)
{
        Sk__HealthRecord record = SK__HEALTH_RECORD__INIT;

        record.status = health_status(health, arena);
        record.started_at_boot_ns = health->started_ns;
        message_pack(arena, &record.base, ret_data, ret_size);
}

static enum health_verdict verdict_of(Sk__HealthStatus__State state)
{
        if (state == SK__HEALTH_STATUS__STATE__HEALTHY)
                return HEALTH_HEALTHY;
        return state == SK__HEALTH_STATUS__STATE__UNHEALTHY ? HEALTH_UNHEALTHY : HEALTH_STARTING;
}

static void restore(struct health *health, const Sk__HealthRecord *record)
{
        const Sk__HealthStatus *status = record->status;

        health->started_ns = record->started_at_boot_ns;
        health->verdict = verdict_of(status->state);
        health->n_failures = status->failing_streak;
        for (size_t i = 0; i < status->n_results; i++) {
                struct health_result result = {
                        .started_ns = status->results[i]->started_at_ns,
                        .ended_ns = status->results[i]->ended_at_ns,
                        .exit_code = (int)status->results[i]->exit_code,
                };

                keep(health, &result, str_copy(status->results[i]->output));
        }
}

int health_read(struct health *health, const void *data, size_t size, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        ProtobufCMessage *message;

        if (message_unpack(&arena, &sk__health_record__descriptor, data, size, &message, err) < 0 ||
            !((const Sk__HealthRecord *)message)->status)
                return err_set(err, ERR_DATA_LOSS, "what is known of its health is damaged");
        restore(health, (const Sk__HealthRecord *)message);
        return 0;
}

int health_parse(const char *text, size_t size, struct arena *arena,
                 struct oci_health *ret_settings, const char **ret_process, struct err *err)
{
        struct oci_image parsed;
        json_t *root;
        char *process;

        TRY(oci_image_parse(text, size, arena, &parsed, err));
        root = json_loadb(text, size, 0, NULL);
        process = json_dumps(json_object_get(root, "process"), JSON_COMPACT);
        json_decref(root);
        *ret_settings = parsed.health;
        *ret_process = process ? arena_strdup(arena, process) : NULL;
        free(process);
        if (!needs_no_program(&parsed.health.test) &&
            (!*ret_process || health_program(parsed.health.test, arena).n == 0))
                return err_set(err, ERR_DATA_LOSS, "the health check written down is damaged");
        return 0;
}
