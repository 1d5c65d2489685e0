/* skep image: what its files share. */
#pragma once
#include <jansson.h>

#include "cli/command.h"

extern const struct flag image_load_flags[];
int image_load(struct cli *cli, const struct arguments *arguments);

/* A row of image ls; 'reference' NULL: it has no name. */
json_t *image_row(struct arena *arena, const Sk__Image *image, const char *reference, bool whole,
                  int64_t now_ns);
