/* A service's spec from what was typed: one row per option of docker's 'service create' and
 * 'service update'. */
#pragma once
#include "api/specs.pb-c.h"
#include "cli/flags.h"
#include "lib/base/mem.h"

/* A spec that is being written; everything in it may be changed and lies in 'arena'. */
struct spec_edit {
        Sk__ServiceSpec *spec;
        struct arena *arena;
        struct err *err;
        bool is_update;
};

/* A new spec with nothing said. */
Sk__ServiceSpec *spec_new(struct arena *arena);

/* Flag tables for the two commands, made from the rows; static lifetime. */
const struct flag *spec_create_flags(void);
const struct flag *spec_update_flags(void);

/* Applies every option typed to 'edit->spec', in the order of the rows. */
int spec_apply(struct spec_edit *edit, const struct arguments *arguments);

/* Prints the rows as the table in docs/flags.md. */
void spec_print_table(FILE *out);

/* An image as docker's client sends it: the short name, with ":latest" when it has neither tag nor
 * digest.  What is no image's name stays as it is, for the API to refuse. */
const char *spec_image(struct arena *arena, const char *image);
