/* Do the indexes of a view say what its objects say?  Compares each with a scan of everything; for
 * tests and simulations. */
#pragma once
#include "lib/state/view.h"

/* ERR_INTERNAL with the first difference found. */
int view_check(const struct view *view, struct err *err);
