/* What the kernel knows of this process, as Prometheus names it. */
#pragma once
#include "lib/base/str.h"

void process_metrics(struct str *str);
