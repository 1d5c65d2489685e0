/* What a volume plugin answers.  Pure: it is a stranger's word, read with bounds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

enum { PLUGIN_ANSWER_MAX = 1 << 20, PLUGIN_TEXT_MAX = 4096 };

struct plugin_answer {
        bool keeps_volumes;     /* Activate: it implements "VolumeDriver" */
        bool has_volume;        /* Get: it knows the volume */
        const char *mountpoint; /* an absolute path, or "" */
};

/* 'status' is HTTP's.  All texts lie in 'arena'.  ERR_UNKNOWN: the plugin says what went wrong.
 * ERR_DATA_LOSS: that is no answer. */
int plugin_answer_read(long status, const char *text, size_t size, struct arena *arena,
                       struct plugin_answer *ret, struct err *err);
