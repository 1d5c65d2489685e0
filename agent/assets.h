/* What a person says a node has, beyond what it finds itself: generic resources and labels. */
#pragma once
#include "api/objects.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

struct assets {
        struct arena arena;
        Sk__GenericResource **generic;
        size_t n_generic;
        Sk__Label **labels;
        size_t n_labels;
};

/* 'generic' is docker's "SSD=3,GPU=uuid1,GPU=uuid2": a kind is counted or has names, never both.
 * 'labels' is "storage=ssd,rack=7".  ERR_INVALID with a sentence; assets_done() either way. */
int assets_parse(struct assets *assets, const char *generic, const char *labels, struct err *err);
void assets_done(struct assets *assets);

/* Adds them to what the node says of itself; what is added lives in 'arena'. */
void assets_describe(const struct assets *assets, struct arena *arena, Sk__NodeDescription *ret);
