/* Sizes in decimal units. */
#pragma once
#include "lib/base/str.h"

/* "4.27MB", "187kB", "512B": three digits, 1000-based, as docker prints sizes of images. */
void add_size(struct str *out, int64_t bytes);
