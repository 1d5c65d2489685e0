/* Health: settings and verdicts. */
#include "agent/oci/health.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"

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

/* The program that the test means; none for what is no test. */
static struct oci_words program_of(struct oci_words test, struct arena *arena)
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

bool health_settings(const Sk__HealthConfig *spec, const struct oci_health *image,
                     struct arena *arena, struct oci_health *ret)
{
        static const Sk__HealthConfig nothing = SK__HEALTH_CONFIG__INIT;
        struct oci_words test = image->test;

        spec = spec ? spec : &nothing;
        if (spec->n_test > 0)
                test = (struct oci_words){ (const char *const *)spec->test, spec->n_test };
        *ret = (struct oci_health){
                .test = program_of(test, arena),
                .interval_ns = choose(spec->interval_ns, image->interval_ns, defaults.interval_ns),
                .timeout_ns = choose(spec->timeout_ns, image->timeout_ns, defaults.timeout_ns),
                .start_period_ns = choose(spec->start_period_ns, image->start_period_ns, 0),
                .start_interval_ns = choose(spec->start_interval_ns, image->start_interval_ns,
                                            defaults.start_interval_ns),
                .retries = choose(spec->retries, image->retries, defaults.retries),
        };
        return ret->test.n > 0;
}

void health_begin(struct health *health, const struct oci_health *settings, bool is_adopted,
                  int64_t now_ns)
{
        *health = (struct health){
                .settings = *settings,
                .started_ns = now_ns,
                .verdict = is_adopted ? HEALTH_HEALTHY : HEALTH_STARTING,
        };
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

void health_probed(struct health *health, bool is_well, int64_t now_ns)
{
        if (health->verdict == HEALTH_UNHEALTHY)
                return;
        if (is_well) {
                health->n_failures = 0;
                health->verdict = HEALTH_HEALTHY;
        } else if (!is_in_start_period(health, now_ns) &&
                   ++health->n_failures >= health->settings.retries) {
                health->verdict = HEALTH_UNHEALTHY;
        }
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
        if (!process || parsed.health.test.n == 0) {
                free(process);
                return err_set(err, ERR_DATA_LOSS, "the health check written down is damaged");
        }
        *ret_settings = parsed.health;
        *ret_process = arena_strdup(arena, process);
        free(process);
        return 0;
}
